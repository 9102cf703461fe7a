/**
 * A cluster: two instances with two workers each on one Redis, four public ports on the first.
 *
 * The backend here is a bare TCP socket that speaks PUBLISH and knows nothing of Holdfast.
 */

import { ownerOf } from "@holdfast/protocol";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const WORKERS = 4;
const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let backend: RedisPublisher;
let first: GatewayProcess;
let second: GatewayProcess;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  const port = await freePorts(4);
  // Backends count the workers that hear a publication here.
  const args = ["--redis", redis.url, "--redis-subscriptions", "worker"];
  [first, second] = await Promise.all([
    GatewayProcess.start({ args: [...args, "--port", `${port}-${port + 3}`] }).then((each) =>
      shared.add(each),
    ),
    GatewayProcess.start({ args }).then((each) => shared.add(each)),
  ]);
  backend = shared.add(await RedisPublisher.connect(redis.port));
});
afterEach(() => own.close());
afterAll(() => shared.close());

/**
 * Clients on every port of both instances, in the three ways to connect, until every worker has some: a
 * worker that is busy for a moment (its first collection) is passed by, so one round does not always reach
 * them all.
 */
async function everywhere(channel: string): Promise<PlainClient[]> {
  const places = [0, 1, 2, 3].flatMap((port) => [[first, port] as const, [second, port] as const]);
  const clients: PlainClient[] = [];
  const workers = new Set<string>();
  await eventually("every worker has a client", async () => {
    const round = await Promise.all(
      places.flatMap(([gateway, port]) => [
        PlainClient.subscribed(gateway.ws(`channels=${channel}`, port)),
        PlainClient.connected(gateway.ws("", port), [channel]),
        PlainClient.connect(gateway.ws(`channels=${channel}&format=raw`, port)),
      ]),
    );
    for (const client of round) {
      clients.push(own.add(client));
      if ("sid" in client) workers.add(ownerPrefixOf(String(client.sid)));
    }
    return workers.size === WORKERS;
  });
  // Raw clients get no welcome: they are subscribed when the first publication arrives at them.
  await eventually("the raw clients are subscribed", async () => {
    await backend.publish(`holdfast:channel:${channel}`, '"warm-up"');
    return clients.every(({ all }) => all.some((message) => message.includes("warm-up")));
  });
  await backend.publish(`holdfast:channel:${channel}`, '"warm-up over"');
  for (const client of clients) await client.until("warm-up over");
  return clients;
}

function ownerPrefixOf(sid: string): string {
  const owner = ownerOf(sid);
  return `${owner?.slot}/${owner?.generation}`;
}

describe("PUBLISH by any Redis client", () => {
  test("the first instance listens on four ports, which it names", async () => {
    expect(first.urls).toHaveLength(4);
    expect(new Set(first.urls).size).toBe(4);
    for (const url of first.urls) expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("holdfast:broadcast reaches every connection of both instances exactly once", async () => {
    const clients = await everywhere("b1");
    expect(await backend.publish("holdfast:broadcast", '{"all":true}')).toBe(WORKERS);
    await backend.publish("holdfast:broadcast", '"end"');
    for (const client of clients) {
      const received = await client.until('"end"');
      expect(received.map(dataOf)).toEqual([{ all: true }]);
    }
  });

  test("holdfast:channel:<name> reaches every subscriber exactly once, and no other client", async () => {
    const clients = await everywhere("c1");
    const stranger = own.add(await PlainClient.subscribed(first.ws("channels=c2")));
    expect(await backend.publish("holdfast:channel:c1", "[1]")).toBe(WORKERS);
    await backend.publish("holdfast:channel:c1", '"end"');
    for (const client of clients) expect((await client.until('"end"')).map(dataOf)).toEqual([[1]]);
    await backend.publish("holdfast:channel:c2", '"end"');
    expect(await stranger.until('"end"')).toEqual([]);
  });

  test("order is kept, however fast it comes", async () => {
    const clients = await everywhere("fast");
    const count = 2000;
    const numbers = Array.from({ length: count }, (_, n) => n);
    await Promise.all(numbers.map((n) => backend.publish("holdfast:channel:fast", String(n))));
    await backend.publish("holdfast:channel:fast", '"end"');
    for (const client of clients) expect((await client.until('"end"')).map(dataOf)).toEqual(numbers);
  });

  test("a worker without subscribers gets no publications", async () => {
    const client = own.add(await PlainClient.subscribed(second.ws("channels=lonely")));
    expect(await backend.publish("holdfast:channel:lonely", "1")).toBe(1);
    await client.close();
    await eventually(
      "the subscription is gone in Redis",
      async () => (await backend.publish("holdfast:channel:lonely", "1")) === 0,
    );
  });
});

describe("between instances", () => {
  test("what a client publishes on one reaches the subscribers of the other", async () => {
    const subscriber = own.add(await PlainClient.connected(second.ws(), ["demo:x"]));
    const publisher = own.add(await PlainClient.connected(first.ws()));
    const reply = await publisher.command("publish", { channel: "demo:x", data: { n: 1 } });
    expect(reply).toEqual({ id: reply.id, publish: { offset: 1, epoch: expect.any(String) } });
    expect(await subscriber.next()).toMatchObject({
      publication: { channel: "demo:x", data: { n: 1 }, offset: 1 },
    });
  });

  test("the admin API of either and the cli into Redis reach both", async () => {
    const clients = await everywhere("api");
    await first.publish("api", 1);
    await second.publish("api", 2);
    const cli = own.add(Program.holdfast(["publish", "api", "3", "--redis", redis.url]));
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    await backend.publish("holdfast:channel:api", '"end"');
    for (const client of clients) expect((await client.until('"end"')).map(dataOf)).toEqual([1, 2, 3]);
  });
});

describe("payloads of backends", () => {
  test("what is not JSON arrives as a string, line breaks of JSON vanish, numbers stay to the letter", async () => {
    const json = own.add(await PlainClient.connected(first.ws(), ["p"]));
    const payloads: [sent: string, received: string][] = [
      ["plain text, ä€😀", '"plain text, ä€😀"'],
      ["", '""'],
      ['{"broken": ', '"{\\"broken\\": "'],
      ['{\n  "a": [\n    1\n  ]\n}', '{"a": [1]}'],
      ["12345678901234567890", "12345678901234567890"],
      ["line\none", '"line\\none"'],
      ["[".repeat(200) + "]".repeat(200), JSON.stringify("[".repeat(200) + "]".repeat(200))],
    ];
    for (const [sent, received] of payloads) {
      await backend.publish("holdfast:channel:p", sent);
      expect(await json.nextMessage()).toBe(`{"publication":{"channel":"p","data":${received}}}`);
    }
  });

  test("malformed and oversized ones change nothing and are counted", async () => {
    const clients = await everywhere("m");
    const before = await rejected();
    const strange: [channel: string, payload: string | Buffer][] = [
      ["holdfast:channel:", "1"],
      ["holdfast:channel:a b", "1"],
      ["holdfast:nonsense", "1"],
      ["holdfast:", "1"],
      [`holdfast:channel:${"x".repeat(300)}`, "1"],
      ["other:broadcast", "1"],
    ];
    for (const [channel, payload] of strange) await backend.publish(channel, payload);
    await backend.publish("holdfast:channel:m", `"${"x".repeat(2 * 1024 * 1024)}"`);
    // What is not UTF-8 is bytes, and kept as such.
    const bytes = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
    await backend.publish("holdfast:channel:m", bytes);
    await backend.publish("holdfast:channel:m", '"end"');
    for (const client of clients) {
      const [message = "", ...others] = await client.until('"end"');
      const value: unknown = JSON.parse(message);
      // A raw client hears them as they are, and this one reads everything as text.
      if (typeof value === "string") expect(value).toBe("\ufffd\ufffd");
      else expect(value).toMatchObject({ publication: { data: bytes.toString("base64"), bytes: true } });
      expect(others).toEqual([]);
    }
    expect(await rejected()).toBe(before + WORKERS);
    const said = [first, second].flatMap(({ log }) =>
      log.filter((line) => JSON.stringify(line).includes("channel:m")),
    );
    expect(said.length).toBeGreaterThan(0);
  });

  async function rejected(): Promise<number> {
    let sum = 0;
    for (const gateway of [first, second]) {
      sum += metric((await gateway.adminGet("/metrics")).text, "holdfast_broker_rejected_total");
    }
    return sum;
  }
});

/** The data of a message in either encoding. */
function dataOf(message: string): unknown {
  const value = JSON.parse(message);
  return value?.publication?.data ?? value?.broadcast?.data ?? value;
}
