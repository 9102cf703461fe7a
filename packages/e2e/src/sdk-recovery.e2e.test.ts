/**
 * The SDK and a gateway with history, on connections that are cut all the time and across the death of a
 * worker.
 *
 * The claim: every subscriber gets every publication, once, in order, and is told that nothing is missing; a
 * publisher with keys publishes each once. Also when it is asked from a position that was kept.
 */

import { Client, type ClientOptions, type Gap, type Subscription } from "@holdfast/client";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";

jest.setTimeout(90_000);

const own = new Resources();
afterEach(() => own.close());

const channel = "demo:log";
const namespaces = JSON.stringify({ demo: { clientPublish: true, historySize: 1_000 } });

/** A client whose connection can be cut, as by a network: without a word. */
class Cuttable {
  readonly client: Client;
  #socket: WebSocket | undefined;

  constructor(url: string) {
    const made = (socket: WebSocket): void => {
      this.#socket = socket;
    };
    const WebSocketOfThis = class extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols);
        made(this);
      }
    };
    // Attempts follow quickly, so that many fit into the test.
    this.client = own.add(
      new Client(url, {
        WebSocket: WebSocketOfThis as unknown as NonNullable<ClientOptions["WebSocket"]>,
        backoff: { minDelayMs: 20, maxDelayMs: 200 },
        // What is cut here all the time is the WebSocket.
        transports: ["websocket"],
      }),
    );
  }

  cut(): void {
    this.#socket?.terminate();
  }
}

class Reader extends Cuttable {
  readonly received: unknown[] = [];
  readonly gaps: Gap[] = [];
  recovered = 0;
  readonly subscription: Subscription;

  constructor(url: string) {
    super(url);
    this.subscription = this.client.subscribe(channel, ({ data }) => this.received.push(data));
    this.subscription.on("gap", (gap) => this.gaps.push(gap));
    this.subscription.on("recovered", ({ count }) => {
      this.recovered += count;
    });
  }

  static async start(url: string): Promise<Reader> {
    const reader = new Reader(url);
    await within(reader.client.connect(), `a connection to ${url}`);
    await eventually("it is subscribed", () => reader.subscription.state === "subscribed");
    return reader;
  }
}

describe("a channel with history", () => {
  test("reaches every subscriber whole, whatever is cut", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--namespaces", namespaces] }));
    const readers = await Promise.all(Array.from({ length: 12 }, () => Reader.start(gateway.ws())));
    const publisher = new Cuttable(gateway.ws());
    await within(publisher.client.connect(), "a publisher");
    const all = Array.from({ length: 600 }, (_, n) => n);
    const [victim = 0] = gateway.workerPids();
    for (const n of all) {
      const published = publisher.client.publish(channel, n, { key: `n${n}` });
      if (n % 10 === 3) readers[((n / 10) % readers.length) | 0]?.cut();
      if (n % 25 === 7) publisher.cut();
      if (n === 300) process.kill(victim, "SIGKILL");
      expect(await within(published, `publication ${n}`)).toMatchObject({ offset: n + 1 });
    }
    for (const reader of readers) {
      await eventually("the last one arrives", () => reader.received.includes(all.length - 1));
      expect(reader.received).toEqual(all);
      expect(reader.gaps).toEqual([]);
      expect(reader.subscription.position?.offset).toBe(all.length);
    }
    expect(readers.reduce((sum, { recovered }) => sum + recovered, 0)).toBeGreaterThan(0);
  });

  test("goes on from a position that was kept, and can be read backwards", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--namespaces", namespaces] }));
    const reader = await Reader.start(gateway.ws());
    for (const n of [1, 2, 3]) await reader.client.publish(channel, n);
    await eventually("all arrive", () => reader.received.length === 3);
    const { position } = reader.subscription;
    if (position === undefined) throw new Error("no position");
    reader.client.close();
    const other = new Cuttable(gateway.ws());
    await within(other.client.connect(), "another client");
    await other.client.publish(channel, 4);
    const late: unknown[] = [];
    other.client.subscribe(channel, ({ data }) => late.push(data), { since: { ...position, offset: 1 } });
    await eventually("what was missed arrives", () => late.length === 3);
    expect(late).toEqual([2, 3, 4]);
    expect(await other.client.history(channel, { since: position, limit: 1, reverse: true })).toEqual({
      offset: 4,
      epoch: position.epoch,
      publications: [{ channel, offset: 2, data: 2 }],
    });
  });
});

describe("a channel without history", () => {
  test("tells a gap when the client was disconnected with no_pong meanwhile", async () => {
    const times = ["--ping-interval", "1s", "--pong-timeout", "500ms"];
    const gateway = own.add(await GatewayProcess.start({ args: ["--workers", "1", ...times] }));
    const relay = own.add(await TcpRelay.start([gateway.port]));
    const { client } = new Cuttable(`ws://127.0.0.1:${relay.port}/ws`);
    const told: unknown[] = [];
    const plain = client.subscribe("plain", ({ data }) => told.push(data));
    plain.on("gap", ({ reason }) => told.push({ gap: reason }));
    await within(client.connect(), "a connection");
    await eventually("it is subscribed", () => plain.state === "subscribed");
    await gateway.publish("plain", "before");
    await eventually("it hears", () => told.length === 1);
    relay.stall();
    await eventually("the gateway has given the connection up", async () => {
      const { text } = await gateway.adminGet("/metrics");
      return /^holdfast_keepalive_timeouts_total 1$/m.test(text);
    });
    await gateway.publish("plain", "missed");
    relay.flow();
    await eventually("the gap is told", () => told.length > 1);
    await gateway.publish("plain", "after");
    await eventually("it hears again", () => told.includes("after"));
    expect(told).toEqual(["before", { gap: "unverifiable" }, "after"]);
  });
});
