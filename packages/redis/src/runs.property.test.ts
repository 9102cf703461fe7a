/**
 * A run is what its publications are one by one: replies, what subscribers get, what is kept, and for whom a
 * key is used, whatever is refused, late, or published before.
 */
import { channelTopic, type Retention, type Topic } from "@holdfast/core";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { joined, type RunCall } from "./connection/run.js";
import { runScript } from "./connection/script.js";
import { RedisKeys } from "./keys.js";
import { type PublicationPart, publishCall, publishOnceCall } from "./log.js";
import { RedisServer } from "./testing/index.js";

const KEYS = new RedisKeys("holdfast:");
const NAMES = { keys: KEYS, destination: (topic: Topic) => KEYS.channel(topic) };
const [RUN, SINGLE] = [channelTopic("run"), channelTopic("one")];
/** Of which one is no record, so that Redis refuses it. */
const KEY_NAMES = ["a", "b", "c", "wrong"];

let server: RedisServer;
let redis: Redis;
let subscriber: Redis;
let heard: string[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.port, "127.0.0.1");
  subscriber = new Redis(server.port, "127.0.0.1");
  subscriber.on("message", (channel, payload) => heard.push(`${channel} ${payload}`));
  await subscriber.subscribe(KEYS.channel(RUN), KEYS.channel(SINGLE));
});
afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.close();
});

interface Step extends PublicationPart {
  readonly isLate: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  data: fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constant("\u0001hf\u0001 1"),
    fc.uint8Array({ maxLength: 12 }),
    fc.constant("x".repeat(20_000)),
  ),
  key: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...KEY_NAMES)),
  isLate: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const run = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  isKept: fc.boolean(),
});
const size = fc.constantFrom(1, 3, 100);
/** What the server refuses, or finds in place of the log, before the runs begin. */
const trouble = fc.oneof(
  { weight: 4, arbitrary: fc.constant("none" as const) },
  fc.constantFrom("no log", "entries beyond", "lost top", "another server" as const),
);

function callOf(topic: Topic, steps: readonly Step[], retention: Retention | undefined): RunCall {
  const call =
    retention === undefined
      ? publishOnceCall(NAMES, topic, steps)
      : publishCall(NAMES, topic, steps, retention);
  return retention === undefined ? call : { ...call, nonce: "epoch" };
}

/** Each publication with its own deadline, as those of several callers that were joined. */
function dated(call: RunCall, steps: readonly Step[]) {
  return call.parts.map((part, at) => ({ ...call, parts: [part], deadline: steps[at]?.isLate ? "1" : "0" }));
}

async function ask(calls: ReturnType<typeof dated>): Promise<unknown[]> {
  const [first, ...others] = calls;
  if (first === undefined) return [];
  const { script, keys, args } = joined([first, ...others]);
  const replies = await runScript(redis, script, keys, args);
  return (replies as unknown[]).map(plain);
}

/** Without the place in the script that Redis adds. */
function plain(reply: unknown): unknown {
  return reply instanceof Error ? reply.message.replace(/ script: .*$/, "") : reply;
}

/** One by one, and nothing after the first error. */
async function askEach(calls: ReturnType<typeof dated>): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (const call of calls) {
    const last = replies.at(-1);
    const isOver = typeof last === "string" && /^[A-Z]+ [a-zA-Z ]/.test(last);
    replies.push(isOver ? last : (await ask([call]))[0]);
  }
  return replies;
}

async function prepare(topic: Topic, kind: string): Promise<void> {
  await redis.lpush(KEYS.record(topic, "wrong"), "x");
  const log = KEYS.log(topic);
  if (kind === "no log") await redis.set(log, "text");
  else if (kind === "entries beyond") {
    await redis.hset(KEYS.top(topic), { epoch: "old", offset: "5", replid: "hidden", lineage: "" });
    await redis.xadd(log, "7-0", "d", "by hand", "t", "1");
  } else if (kind === "lost top") await redis.xadd(log, "3-0", "d", "left", "t", "1");
  else if (kind === "another server")
    await redis.hset(KEYS.top(topic), { epoch: "old", offset: "5", replid: "other", lineage: "older 2" });
}

async function stateOf(topic: Topic): Promise<unknown> {
  const [log, top] = [KEYS.log(topic), KEYS.top(topic)];
  const entries = (await redis.type(log)) === "stream" ? await redis.xrangeBuffer(log, "-", "+") : [];
  return {
    entries: entries.map(([id, fields]) => [id.toString(), fields[1]?.toString("latin1")]),
    top: await redis.hgetall(top),
    records: await Promise.all(KEY_NAMES.slice(0, 3).map((name) => redis.get(KEYS.record(topic, name)))),
    expires: [(await redis.pttl(log)) > 0, (await redis.pttl(top)) > 0],
  };
}

test("a run and its publications one by one answer, tell and leave behind the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(run, { minLength: 1, maxLength: 3 }),
      size,
      trouble,
      async (runs, size, kind) => {
        await redis.flushall();
        for (const topic of [RUN, SINGLE]) await prepare(topic, kind);
        heard = [];
        for (const { steps, isKept } of runs) {
          const retention = isKept ? { size, ttlMs: 60_000 } : undefined;
          const together = await ask(dated(callOf(RUN, steps, retention), steps));
          const each = await askEach(dated(callOf(SINGLE, steps, retention), steps));
          expect(together).toEqual(each);
        }
        expect(await stateOf(RUN)).toEqual(await stateOf(SINGLE));
        await subscriber.ping();
        const of = (topic: Topic) =>
          heard.flatMap((line) =>
            line.startsWith(KEYS.channel(topic)) ? [line.slice(KEYS.channel(topic).length)] : [],
          );
        expect(of(RUN)).toEqual(of(SINGLE));
      },
    ),
    { numRuns: 150 },
  );
});

test("a run that the server has no memory for leaves nothing behind", async () => {
  await redis.flushall();
  const steps = ["1", "2", "3"].map((data) => ({ data, key: data, isLate: false }));
  const kept = { size: 10, ttlMs: 60_000 };
  await ask(dated(callOf(RUN, [{ data: "0", key: undefined, isLate: false }], kept), []));
  await redis.config("SET", "maxmemory", "1");
  const replies = await ask(dated(callOf(RUN, steps, kept), steps));
  await redis.config("SET", "maxmemory", "0");
  expect(replies).toEqual([0, 1, 2].map(() => expect.stringContaining("OOM")));
  expect(await redis.keys("*key:*")).toEqual([]);
  expect(await ask(dated(callOf(RUN, steps, kept), steps))).toEqual(["2 epoch", "3 epoch", "4 epoch"]);
});
