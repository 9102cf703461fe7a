/**
 * Limits in bytes: what clients read and publish, and a worker that takes nothing, cost other clients
 * nothing.
 *
 * After each attack the same processes run, and strangers, one on each worker at least, are connected and
 * hear what is published.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { type Frame, PlainClient } from "./plain-client.js";
import { Resources } from "./resources.js";

jest.setTimeout(180_000);

const KIB = 1024;
const NAMESPACES = JSON.stringify({
  kept: { historySize: 40, historyTtl: "1h" },
  flood: { clientPublish: true, historySize: 30, historyTtl: "1h" },
});

describe.each(["the embedded broker", "Redis"])("over %s", (broker) => {
  const shared = new Resources();
  let gateway: GatewayProcess;
  let strangers: PlainClient[];
  let pids: readonly number[];
  let round = 0;

  beforeAll(async () => {
    const args = [
      "--workers",
      "2",
      "--command-rate",
      "30",
      "--publish-bytes-per-second",
      "64KiB",
      "--namespaces",
      NAMESPACES,
    ];
    if (broker === "Redis") args.push("--redis", shared.add(await RedisServer.start()).url);
    gateway = shared.add(await GatewayProcess.start({ args, until: "ready" }));
    strangers = await Promise.all(
      Array.from({ length: 6 }, async () =>
        shared.add(await PlainClient.subscribed(gateway.ws("channels=calm"))),
      ),
    );
    pids = gateway.workerPids();
  });
  afterAll(() => shared.close());

  const count = async (name: string) =>
    metric((await gateway.adminGet("/metrics")).text, `holdfast_${name}_total`);

  async function expectCalm(): Promise<void> {
    const marker = `calm ${++round}`;
    await gateway.publish("calm", marker);
    for (const stranger of strangers) await stranger.until(marker, 30_000);
    expect(gateway.workerPids()).toEqual(pids);
    expect(await count("worker_restarts")).toBe(0);
  }

  /** The replies to so many commands, whatever else comes. */
  async function replies(client: PlainClient, wanted: number): Promise<Frame[]> {
    const found: Frame[] = [];
    while (found.length < wanted) {
      const frame = await client.next(60_000);
      if (frame.id !== undefined) found.push(frame);
    }
    return found;
  }

  test("many reads in one message bring some pages, bounded in bytes; the rest are refused", async () => {
    const data = "\\".repeat(75 * KIB);
    for (let n = 0; n < 40; n++) await gateway.publish("kept:films", `${n}${data}`);
    const before = await count("read_bytes");
    const client = shared.add(await PlainClient.connected(gateway.ws()));
    const asked = Array.from({ length: 25 }, (_, n) => ({
      id: 100 + n,
      history: { channel: "kept:films", limit: 1000 },
    }));
    client.send(asked.map((each) => JSON.stringify(each)).join("\n"));
    const answers = await replies(client, asked.length);
    const pages = answers.flatMap((each) =>
      each.history === undefined ? [] : [each.history as { publications: unknown[] }],
    );
    for (const { publications } of pages) expect(publications).toHaveLength(3);
    expect(pages.length).toBeGreaterThan(0);
    const refused = answers.filter(({ error }) => error !== undefined);
    expect(refused).toHaveLength(asked.length - pages.length);
    expect(refused).not.toEqual([]);
    expect(new Set(refused.map(({ error }) => error?.name))).toEqual(new Set(["limit_rate"]));
    expect((await count("read_bytes")) - before).toBeLessThanOrEqual(pages.length * 512 * KIB);
    expect(await count("reads_refused")).toBe(refused.length);
    await expectCalm();
  });

  test("clients that publish more bytes than they may are refused, and are not disconnected", async () => {
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () =>
        shared.add(await PlainClient.connected(gateway.ws(), ["flood:a"])),
      ),
    );
    const data = '"'.repeat(24 * KIB);
    // Each costs 1.6 commands: together less than what ends a connection.
    for (const client of clients)
      for (let n = 0; n < 60; n++) client.send({ id: 10 + n, publish: { channel: "flood:a", data } });
    for (const client of clients) {
      const errors = (await replies(client, 60)).flatMap(({ error }) => error?.name ?? []);
      expect(errors.length).toBeGreaterThan(0);
      expect(errors.length).toBeLessThan(60);
      expect(errors).toContain("limit_rate");
    }
    expect(await count("publish_refused_bytes")).toBeGreaterThan(KIB);
    await expectCalm();
    expect(clients.filter(({ ending }) => ending !== undefined)).toEqual([]);
  });

  if (broker === "Redis") return;

  test("a worker that takes nothing while a hundred MiB are published goes on, and tells the gap", async () => {
    const [pid = 0] = pids;
    const listeners = await Promise.all(
      Array.from({ length: 4 }, async () =>
        shared.add(await PlainClient.connected(gateway.ws(), ["kept:late", "loose"])),
      ),
    );
    process.kill(pid, "SIGSTOP");
    try {
      const data = "y".repeat(1000 * KIB);
      for (let n = 0; n < 100; n++) await gateway.publish(n % 2 === 0 ? "kept:late" : "loose", `${n}${data}`);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await eventually("the skipped topics go on", async () => (await count("topics_skipped")) >= 2, 60_000);
    expect(await count("link_skips")).toBeGreaterThan(20);
    await gateway.publish("kept:late", "the end");
    await gateway.publish("loose", "the end");
    await within(expectCalm(), "calm", 60_000);
    const heard = await Promise.all(listeners.map((each) => each.all.join("\n")));
    const ended = new Set<PlainClient>(listeners.filter(({ ending }) => ending !== undefined));
    // A client that cannot read as fast may be disconnected as slow; one that stays was told of the gap.
    const told = heard.filter(
      (text, n) => ended.has(listeners[n] as PlainClient) || text.includes('"the end"'),
    );
    expect(told).toHaveLength(listeners.length);
  });
});
