/**
 * Whatever the interleaving of publications, room, no room and ticks: what a client hears is ordered,
 * complete with its gaps, and ends with the newest.
 */

import { strict as assert } from "node:assert";
import type { GapNotice, PublicationPush } from "@holdfast/protocol";
import { test } from "@jest/globals";
import fc from "fast-check";
import { channelTopic } from "../broker/topic.js";
import { type CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";

const MAX_BYTES = 1000;
const CLIENTS = 3;
const CHANNELS = ["log:a", "state:a", "keyed:a", "drop:a", "latest:a"] as const;
type Channel = (typeof CHANNELS)[number];

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      channel: fc.constantFrom(...CHANNELS),
      key: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("room" as const),
      client: fc.nat(CLIENTS - 1),
      bytes: fc.constantFrom(0, MAX_BYTES * 0.5, MAX_BYTES * 0.8, MAX_BYTES + 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fan out" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick" as const) }) },
);

interface Published {
  readonly key: number;
  readonly n: number;
}

test("a slow client hears offsets in order, each missing one in exactly one gap, and the newest in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
      const world = memoryWorld({
        maxOutboxBytes: MAX_BYTES,
        namespaces: {
          log: { slowConsumer: "drop", historySize: 1000 },
          state: { slowConsumer: "latest", historySize: 1000 },
          keyed: { slowConsumer: "latest", historySize: 1000, conflateKey: "key" },
          drop: { slowConsumer: "drop" },
          latest: { slowConsumer: "latest" },
        },
      });
      const clients: FakeClient[] = [];
      for (let i = 0; i < CLIENTS; i++) clients.push(await world.subscribed(...CHANNELS));
      const published: Record<Channel, Published[]> = {
        "log:a": [],
        "state:a": [],
        "keyed:a": [],
        "drop:a": [],
        "latest:a": [],
      };
      for (const each of steps) {
        if (each.kind === "publish") {
          const data = { key: each.key, n: published[each.channel].length + 1 };
          published[each.channel].push(data);
          await publish(world, each.channel, data);
        } else if (each.kind === "room") {
          const client = clients[each.client];
          if (client !== undefined) client.transport.bufferedBytes = each.bytes;
        } else if (each.kind === "fan out") await world.settle();
        else await world.pass(100);
      }
      await world.settle();
      for (const { transport } of clients) transport.bufferedBytes = 0;
      await world.pass(100);
      for (const client of clients) {
        const frames = client.take();
        for (const channel of CHANNELS) checkHeard(channel, frames, published[channel]);
      }
      assert.equal(world.core.subscriptionsBehind, 0);
    }),
    { numRuns: 200 },
  );
});

async function publish(world: CoreWorld, channel: Channel, data: Published): Promise<void> {
  const retention = { size: 1000, ttlMs: 300_000 };
  const kept = channel !== "drop:a" && channel !== "latest:a";
  await world.broker.publish(channelTopic(channel), JSON.stringify(data), kept ? { retention } : {});
}

/** Each gap stands for one publication at least, and without a gap none is missing. */
function checkGaps(gaps: number, missing: number): void {
  assert.ok(missing >= gaps, "a gap over nothing");
  if (gaps === 0) assert.equal(missing, 0);
}

function checkHeard(
  channel: Channel,
  frames: ReturnType<FakeClient["take"]>,
  published: readonly Published[],
): void {
  const positioned = channel !== "drop:a" && channel !== "latest:a";
  const heard: Published[] = [];
  /** The next number that is due; and the gaps without offsets that were told since the one before. */
  let next = 1;
  let gaps = 0;
  for (const frame of frames) {
    if (frame.kind !== "push" || (frame.op !== "publication" && frame.op !== "gap")) continue;
    const body = frame.body as unknown as PublicationPush & GapNotice;
    if (body.channel !== channel) continue;
    if (frame.op === "gap") {
      const { from, to, reason } = body;
      assert.equal(reason, "slow");
      if (!positioned) {
        gaps++;
        continue;
      }
      assert.equal(from, next);
      assert.ok(to !== undefined && to >= next);
      next = to + 1;
      continue;
    }
    const data = body.data as unknown as Published;
    if (positioned) assert.equal(body.offset, data.n);
    checkGaps(gaps, data.n - next);
    gaps = 0;
    next = data.n + 1;
    heard.push(data);
  }
  checkGaps(gaps, published.length + 1 - next);
  if (channel === "state:a" || channel === "latest:a") assert.deepEqual(heard.at(-1), published.at(-1));
  if (channel !== "keyed:a") return;
  for (let key = 0; key <= 3; key++) {
    const of = (each: Published): boolean => each.key === key;
    assert.deepEqual(heard.findLast(of), published.findLast(of));
  }
}
