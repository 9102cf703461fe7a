/**
 * Event streams and long-polls through the proxies of deploy/proxy, in front of two instances: whichever
 * worker of whichever instance a request reaches, every client gets every number once and in order, also
 * while one instance replaces its workers.
 */
import { Agent } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { allCaughtUp, CometCluster } from "./comet-cluster.js";
import { CommandStream } from "./command-stream.js";
import { eventually } from "./deadline.js";
import { HaProxy } from "./haproxy.js";
import { Nginx } from "./nginx.js";
import { PollWatcher } from "./poll-watcher.js";
import { Resources } from "./resources.js";
import { SseWatcher } from "./sse-watcher.js";

jest.setTimeout(90_000);

const POLLERS = 24;
const STREAMS = 8;
const CHANNELS = 4;

const shared = new Resources();
const own = new Resources();
let cluster: CometCluster;

beforeAll(async () => {
  cluster = await CometCluster.start(shared, [
    "--poll-hold",
    "1s",
    "--ping-interval",
    "1s",
    "--pong-timeout",
    "900ms",
  ]);
});
afterEach(() => own.close());
afterAll(() => shared.close());

const PROXIES = [
  ["HAProxy without its cookie", () => HaProxy.deployed(cluster.ports, "no cookie"), false],
  ["HAProxy with its cookie", () => HaProxy.deployed(cluster.ports, "cookie"), true],
  ["nginx", () => Nginx.start(cluster.ports), false],
] as const;

describe.each(PROXIES)("through %s", (name, start, cookies) => {
  test("every client gets every number once, in order, while an instance replaces its workers", async () => {
    const proxy = own.add(await start());
    const channels = Array.from({ length: CHANNELS }, (_, n) => `seq:${name.replaceAll(" ", "-")}-${n}`);
    const channelOf = (n: number): string => channels[n % CHANNELS] ?? "";
    // Many clients, one pool: the next poll of one goes by the connection of another.
    const agent = new Agent({ keepAlive: true });
    own.add({ close: () => agent.destroy() });
    const pollers = Array.from({ length: POLLERS }, (_, n) =>
      own.add(new PollWatcher(proxy.port, channelOf(n), { agent, cookies })),
    );
    const streams = Array.from({ length: STREAMS }, (_, n) =>
      own.add(new SseWatcher(proxy.port, channelOf(n))),
    );
    const watchers = [...pollers, ...streams];
    const before = await cluster.routed();
    await Promise.all(watchers.map((watcher) => watcher.start()));
    const publisher = own.add(cluster.publisher(channels, 100));
    await eventually("they get numbers", () => watchers.every(({ check }) => check.received > 10));
    const [, reloaded] = cluster.gateways;
    const lines = reloaded.log.length;
    reloaded.signal("SIGHUP");
    await eventually(
      "the reload",
      () => reloaded.log.slice(lines).some(({ msg }) => msg.includes("reloaded")),
      60_000,
    );
    // What was published last comes although nothing comes after it: no proxy on the way waits for more.
    await allCaughtUp(watchers, await publisher.finish());
    expect(watchers.flatMap(({ check }) => check.gaps)).toEqual([]);

    const after = await cluster.routed();
    const during = (way: string): number => (after[way] ?? 0) - (before[way] ?? 0);
    expect(during("relayed")).toBeGreaterThan(0);
    if (!cookies) expect(during("forwarded")).toBeGreaterThan(0);

    const empty = pollers.map((poller) => poller.empty);
    const comments = streams.map((stream) => stream.comments);
    await eventually(
      "held polls end, and quiet streams say that they live",
      () =>
        pollers.every((poller, n) => poller.empty > (empty[n] ?? 0)) &&
        streams.every((stream, n) => stream.comments > (comments[n] ?? 0)),
    );
  });

  test("commands reach the stream's worker, each once", async () => {
    const proxy = own.add(await start());
    const streams = await Promise.all(
      Array.from({ length: 4 }, async () => own.add(await CommandStream.open(proxy.port))),
    );
    for (let id = 2; id < 22; id++) {
      const statuses = await Promise.all(
        streams.map((stream, n) =>
          stream.send(proxy.port, {
            id,
            publish: { channel: `demo:${n}`, data: id, key: `${stream.sid}-${id}` },
          }),
        ),
      );
      expect(statuses).toEqual([200, 200, 200, 200]);
    }
    for (const stream of streams) {
      expect(await stream.reply(21)).toHaveProperty("publish");
      expect(stream.frames.filter(({ id }) => id !== undefined).map(({ id }) => id)).toEqual(
        Array.from({ length: 21 }, (_, n) => n + 1),
      );
    }
  });
});
