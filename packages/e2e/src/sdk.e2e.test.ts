/**
 * The SDK against a cluster: over workers and instances, and across the death of a worker.
 *
 * The claim about that death: clients of the dead worker come back by themselves, all others never notice.
 */

import { Client, type ClientOptions } from "@holdfast/client";
import { type Owner, ownerOf } from "@holdfast/protocol";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let backend: RedisPublisher;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  backend = shared.add(await RedisPublisher.connect(redis.port));
});
afterEach(() => own.close());
afterAll(() => shared.close());

const options = { WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]> };

/** A client that subscribes to one channel and keeps what it sees. */
class Watcher {
  readonly client: Client;
  readonly received: unknown[] = [];
  /** Every state after the first "connected". */
  readonly changes: string[] = [];
  sid = "";
  readonly #subscribed: Promise<void>;

  constructor(url: string, channel: string) {
    this.client = own.add(new Client(url, options));
    const subscription = this.client.subscribe(channel, ({ data }) => this.received.push(data));
    this.#subscribed = new Promise((resolve) => subscription.on("subscribed", () => resolve()));
    this.client.on("state", (state) => {
      if (this.sid !== "") this.changes.push(state.name);
      if (state.name === "connected") this.sid = state.sid;
    });
  }

  static async start(url: string, channel: string): Promise<Watcher> {
    const watcher = new Watcher(url, channel);
    await within(watcher.client.connect(), `a connection to ${url}`);
    await within(watcher.#subscribed, `a subscription to ${channel}`);
    return watcher;
  }

  get owner(): Owner {
    return ownerOf(this.sid) as Owner;
  }

  has(data: unknown): Promise<unknown> {
    return eventually(`${JSON.stringify(data)} arrives`, () => this.received.includes(data));
  }
}

describe("over workers and instances", () => {
  test("publish, publications and broadcasts; what is forbidden says so", async () => {
    const gateways = await Promise.all(
      [1, 2].map(() => GatewayProcess.start({ args: ["--redis", redis.url] }).then((each) => own.add(each))),
    );
    const watchers = await Promise.all(
      gateways.flatMap((gateway) => [1, 2, 3].map(() => Watcher.start(gateway.ws(), "demo:sdk"))),
    );
    const broadcasts: unknown[] = [];
    for (const { client } of watchers) client.on("broadcast", (data) => broadcasts.push(data));
    await watchers[0]?.client.publish("demo:sdk", { n: 1 });
    await watchers[5]?.client.publish("demo:sdk", "end");
    await backend.publish("holdfast:broadcast", '"to all"');
    for (const watcher of watchers) {
      await watcher.has("end");
      expect(watcher.received).toEqual([{ n: 1 }, "end"]);
    }
    await eventually("six broadcasts", () => broadcasts.length === 6);
    await expect(watchers[0]?.client.publish("news", 1)).rejects.toMatchObject({
      name: "forbidden",
      temporary: false,
    });
  });
});

describe("when a worker is killed", () => {
  test("its clients come back, the others miss nothing, its place is filled by a new life", async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => GatewayProcess.start({ args: ["--redis", redis.url] }).then((each) => own.add(each))),
    );
    if (first === undefined || second === undefined) throw new Error("unreachable");
    const watchers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => Watcher.start((n % 2 === 0 ? first : second).ws(), "ticker")),
    );
    const publishing = new Ticker("ticker");
    await publishing.reached(200);

    const workers = first.workerPids();
    expect(workers).toHaveLength(2);
    const [victim = 0] = workers;
    process.kill(victim, "SIGKILL");

    const lost = await eventually("clients notice", () => {
      const noticed = watchers.filter(({ changes }) => changes.length > 0);
      return noticed.length > 0 && noticed;
    });
    const { slot, generation } = ownerOf(lost[0]?.sid ?? "") ?? {};
    const oldSid = lost[0]?.sid ?? "";
    const affected = watchers.filter(({ owner }) => owner.slot === slot && owner.generation === generation);
    expect(affected).toHaveLength(4);
    const others = watchers.filter((watcher) => !affected.includes(watcher));
    for (const watcher of affected) {
      await eventually(
        "it is back",
        () => watcher.client.state.name === "connected" && watcher.changes.length > 1,
      );
    }
    await eventually("another process took its place", () => {
      const now = first.workerPids();
      return now.length === 2 && !now.includes(victim);
    });
    await publishing.reached(publishing.last + 200);
    const last = await publishing.stop();
    for (const watcher of watchers) await watcher.has(last);

    const all = Array.from({ length: last + 1 }, (_, n) => n);
    for (const watcher of others) {
      expect(watcher.changes).toEqual([]);
      expect(watcher.received).toEqual(all);
    }
    for (const watcher of affected) {
      expect(watcher.changes.at(-1)).toBe("connected");
      const numbers = watcher.received as number[];
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }

    // The same slot, another generation: sessions of the old one have no owner, and are served all the same.
    const reborn = await eventually("the new worker serves", async () => {
      const client = own.add(await PlainClient.subscribed(first.ws(`channels=x&sid=${oldSid}`)));
      const owner = ownerOf(client.sid);
      return owner?.slot === slot && owner;
    });
    expect(reborn.generation).not.toBe(generation);
    const metrics = (await first.adminGet("/metrics")).text;
    expect(metrics).toMatch(/^holdfast_worker_restarts_total 1$/m);
  });

  test("a session id of a living worker leads back to it", async () => {
    const gateway = own.add(await GatewayProcess.start());
    const clients = await Promise.all(
      [1, 2, 3, 4].map(async () => own.add(await PlainClient.subscribed(gateway.ws("channels=x")))),
    );
    for (const { sid } of clients) {
      for (let again = 0; again < 4; again++) {
        const back = own.add(await PlainClient.subscribed(gateway.ws(`channels=x&sid=${sid}`)));
        expect(ownerOf(back.sid)).toEqual(ownerOf(sid));
      }
    }
  });
});

describe("when the instance is replaced", () => {
  test("clients that were sent away come back to its successor and go on", async () => {
    const port = String(await freePorts(1));
    const args = ["--redis", redis.url, "--port", port, "--drain-window", "300ms"];
    const old = own.add(await GatewayProcess.start({ args }));
    const watchers = await Promise.all([1, 2, 3, 4].map(() => Watcher.start(old.ws(), "deploy")));
    const drained = watchers.map(
      ({ client }) =>
        new Promise<number>((resolve) => client.on("drain", (told) => resolve(told.reconnectAfter))),
    );
    expect(await old.stop()).toEqual({ code: 0, signal: null });
    for (const told of drained) expect(await told).toBeGreaterThanOrEqual(0);
    own.add(await GatewayProcess.start({ args }));
    for (const watcher of watchers) {
      await eventually("it is back", () => watcher.client.state.name === "connected");
    }
    await eventually("all are subscribed again", async () => {
      await backend.publish("holdfast:channel:deploy", '"hello again"');
      return watchers.every(({ received }) => received.includes("hello again"));
    });
  });
});

/** Publishes 0, 1, 2 … as fast as Redis confirms. */
class Ticker {
  last = -1;
  readonly #channel: string;
  #running = true;
  readonly #done: Promise<void>;

  constructor(channel: string) {
    this.#channel = `holdfast:channel:${channel}`;
    this.#done = this.#run();
  }

  reached(n: number): Promise<unknown> {
    return eventually(`${n} is published`, () => this.last >= n);
  }

  /** The last number. */
  async stop(): Promise<number> {
    this.#running = false;
    await this.#done;
    return this.last;
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await backend.publish(this.#channel, String(this.last + 1));
      this.last++;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
