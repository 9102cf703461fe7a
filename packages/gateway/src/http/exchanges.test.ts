import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type CutReason, Exchanges, MAX_PIPELINED } from "./exchanges.js";

const TIMEOUT_MS = 4_000;

let clock: FakeClock;
let cut: CutReason[];
let idle: number;
let exchanges: Exchanges;
let server: Server;
let answer: (response: ServerResponse, nth: number) => void;
let asked: number;
let client: Socket;

beforeEach(async () => {
  clock = new FakeClock();
  cut = [];
  idle = 0;
  asked = 0;
  answer = (response) => response.end("here");
  exchanges = new Exchanges(clock, TIMEOUT_MS, (why) => cut.push(why));
  server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (exchanges.begin(request, response, () => idle++)) answer(response, ++asked);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
});

afterEach(async () => {
  client.destroy();
  exchanges.close();
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  expect(clock.timers).toBe(0);
});

const get = (times: number): boolean => client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(times));

async function all(): Promise<string> {
  const chunks: Buffer[] = [];
  client.on("data", (chunk) => chunks.push(chunk));
  client.resume();
  await once(client, "close");
  return Buffer.concat(chunks).toString();
}

describe("the requests of a connection", () => {
  it("may be pipelined, a few at once, and are answered in order", async () => {
    answer = (response, nth) => response.end(`answer ${nth};`);
    get(MAX_PIPELINED - 1);
    let text = "";
    for await (const chunk of client) {
      text += String(chunk);
      if (text.includes(`answer ${MAX_PIPELINED - 1};`)) break;
    }
    expect(text.match(/answer \d+/g)).toEqual(
      Array.from({ length: MAX_PIPELINED - 1 }, (_, i) => `answer ${i + 1}`),
    );
    expect(cut).toEqual([]);
  });

  it("beyond that are dropped, and the connection ends behind the answers before them", async () => {
    get(1_500);
    const text = await all();
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(MAX_PIPELINED);
    expect(text).toContain("\r\nConnection: close\r\n");
    expect(asked).toBe(MAX_PIPELINED);
    expect(cut).toContain("pipelined");
  });

  it("beyond that end a connection that waits for an answer", async () => {
    answer = () => {};
    get(MAX_PIPELINED + 1);
    await all();
    expect(cut).toEqual(["pipelined"]);
  });

  it("one after the other may be as many as they like", async () => {
    for (let i = 0; i < 3 * MAX_PIPELINED; i++) {
      get(1);
      await once(client, "data");
    }
    expect(asked).toBe(3 * MAX_PIPELINED);
    expect(cut).toEqual([]);
  });
});

describe("an answer that its peer does not read", () => {
  const bytes = 6_000_000;

  beforeEach(async () => {
    answer = (response) => response.end(Buffer.alloc(bytes));
    client.pause();
    get(1);
    await once(server, "request");
    await new Promise((resolve) => setImmediate(resolve));
    expect(exchanges.unread).toBe(1);
  });

  it("cuts the connection, once the time for its bytes is over", async () => {
    clock.advance(TIMEOUT_MS);
    expect(cut).toEqual([]);
    clock.advance((bytes / 16_384) * 1000 + 2_000);
    expect(cut).toEqual(["unread"]);
    expect(exchanges.unread).toBe(0);
    await all();
  });

  it("is no reason once it has been read", async () => {
    client.resume();
    let read = 0;
    for await (const chunk of client) {
      read += (chunk as Buffer).length;
      if (read > bytes) break;
    }
    while (exchanges.unread > 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000_000);
    expect(cut).toEqual([]);
  });
});

it("an answer that waits behind others has its deadline when it begins to leave", async () => {
  // The kernel takes the first one.
  answer = (response, nth) => response.end(Buffer.alloc(nth === 1 ? 10 : 6_000_000));
  client.pause();
  get(2);
  await once(server, "request");
  while (exchanges.unread === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(TIMEOUT_MS);
  expect(cut).toEqual([]);
  clock.advance((6_000_000 / 16_384) * 1000 + 2_000);
  expect(cut).toEqual(["unread"]);
  await all();
});

it("an idle connection is told of once for each time that nothing is under way any more", async () => {
  get(3);
  let text = "";
  for await (const chunk of client) {
    text += String(chunk);
    if (text.match(/here/g)?.length === 3) break;
  }
  expect(idle).toBe(1);
});
