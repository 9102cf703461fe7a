import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createDoor, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ReadBudget } from "../runtime/read-budget.js";
import { InputFlow, MAX_DROPPED_BYTES } from "./input-flow.js";

const PIECE = Buffer.alloc(60_000, 120);
const CHUNK = Buffer.concat([Buffer.from("ea60\r\n"), PIECE, Buffer.from("\r\n")]);

let paused: number;
let cut: number;
let flow: InputFlow;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let accepted: Socket;
let client: Socket;

beforeEach(async () => {
  paused = 0;
  cut = 0;
  flow = new InputFlow(new ReadBudget({ maxBytes: 60_000, paused: () => paused++ }), () => cut++);
  answer = (request, response) => {
    flow.begin(request);
    response.once("close", () => flow.answered(request)).end("here");
  };
  server = createServer((request, response) => answer(request, response));
  server.on("connection", (socket) => {
    accepted = socket;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
});

afterEach(async () => {
  client.destroy();
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

/** Sends again and again until the connection ends; true, or until so many bytes were sent. */
async function pour(bytes: Buffer, most = Number.POSITIVE_INFINITY): Promise<boolean> {
  for (let sent = 0; sent < most && !client.destroyed; sent += bytes.length)
    if (!client.write(bytes))
      await new Promise<void>((resolve) => client.once("drain", resolve).once("close", () => resolve()));
  return client.destroyed;
}

describe("a body behind its answer", () => {
  it("that does not end is read up to a limit, and then the connection is cut", async () => {
    client.resume().write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect(await pour(CHUNK)).toBe(true);
    expect(cut).toBe(1);
    expect(accepted.bytesRead).toBeGreaterThan(MAX_DROPPED_BYTES);
    expect(accepted.bytesRead).toBeLessThan(MAX_DROPPED_BYTES + 3 * 65_536);
  });

  it("that announces more than that is cut likewise", async () => {
    client.resume().write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n");
    expect(await pour(PIECE)).toBe(true);
    expect(cut).toBe(1);
  });

  it("that ends in time leaves the connection for other requests, as often as it likes", async () => {
    let heard = "";
    client.on("data", (bytes) => {
      heard += String(bytes);
    });
    for (let nth = 1; nth <= 3; nth++) {
      client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      expect(await pour(CHUNK, MAX_DROPPED_BYTES / 2)).toBe(false);
      client.write("0\r\n\r\n");
      while (heard.split("here").length <= nth) await once(client, "data");
    }
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while (heard.split("here").length <= 4) await once(client, "data");
    expect(cut).toBe(0);
  });
});

describe("a body that is read", () => {
  const reads = async (length: string, body: Buffer): Promise<number> => {
    const whole = new Promise<number>((resolve) => {
      answer = (request, response) => {
        flow.begin(request);
        let bytes = 0;
        request.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        request.on("end", () => {
          response.end("whole");
          resolve(bytes);
        });
      };
    });
    client.resume().write(`POST / HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n`);
    // Not in the read that brings the head.
    await once(server, "request");
    client.write(body);
    return whole;
  };

  it("is whole, however long, and waits for later turns where it brings much in one", async () => {
    const body = Buffer.alloc(3_000_000, 121);
    expect(await reads(`Content-Length: ${body.length}`, body)).toBe(body.length);
    expect(paused).toBeGreaterThan(5);
    expect(cut).toBe(0);
  });

  it("in chunks counts as more work", async () => {
    const small = Buffer.from("1\r\nx\r\n".repeat(1_500));
    expect(await reads("Transfer-Encoding: chunked", Buffer.concat([small, Buffer.from("0\r\n\r\n")]))).toBe(
      1_500,
    );
    // In fewer bytes than a handle may bring otherwise.
    expect(small.length).toBeLessThan(60_000);
    expect(paused).toBeGreaterThan(0);
  });

  it("and is short is not watched", async () => {
    expect(await reads("Content-Length: 60000", PIECE)).toBe(60_000);
    expect(accepted.listenerCount("data")).toBeLessThanOrEqual(1);
  });
});

it("what a client sends that was turned away is dropped up to a limit", async () => {
  const door = createDoor({ allowHalfOpen: true }, (socket) => {
    accepted = socket.on("error", () => {});
    flow.drop(socket);
    flow.drop(socket);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  client.destroy();
  client = connect({ port: (door.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {}).resume();
  expect(await pour(PIECE)).toBe(true);
  expect(cut).toBe(1);
  expect(accepted.bytesRead).toBeLessThan(MAX_DROPPED_BYTES + 3 * 65_536);
  door.close();
});
