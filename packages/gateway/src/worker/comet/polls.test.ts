import { CORE_DEFAULTS, Core, MemoryBroker, noMetrics, silentLogger } from "@holdfast/core";
import { FakeClock, memoryRevocations } from "@holdfast/core/testing";
import { type Json, ownerPrefix } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { PartedBody } from "../http/parted-body.js";
import type { CommandFrame } from "./commands.js";
import { decodeCursor } from "./cursor.js";
import type { PollTransport } from "./poll-transport.js";
import { type DueHeldPoll, Polls } from "./polls.js";
import { CometSessions } from "./sessions.js";

interface Answer {
  readonly sid: string;
  readonly cursor: string;
  readonly frames: readonly { readonly [op: string]: Json }[];
  readonly wait: number;
  readonly hold?: number;
  readonly close?: Json;
}

/** A poll with the test at its other end. */
class TestPoll implements DueHeldPoll {
  text: string | undefined;
  fate: "held" | "answered" | "superseded" | "dropped" = "held";
  isForwarded = false;
  signs = 0;
  #transport: PollTransport | undefined;

  sign(): void {
    this.signs++;
  }

  get destroyed(): boolean {
    return this.fate !== "held";
  }

  get answered(): Answer {
    if (this.text === undefined) throw new Error(`not answered, but ${this.fate}`);
    return JSON.parse(this.text) as Answer;
  }

  heldBy(transport: PollTransport): void {
    this.#transport = transport;
  }

  destroy(): void {
    this.#transport?.flush(true);
  }

  answer({ bytes }: PartedBody): void {
    this.fate = "answered";
    this.text = bytes.toString();
  }

  supersede(): void {
    this.fate = "superseded";
  }

  drop(): void {
    this.fate = "dropped";
  }

  /** The client goes away. */
  abort(): void {
    this.fate = "dropped";
    this.#transport?.lost(this);
  }
}

let clock: FakeClock;
let core: Core;
let polls: Polls;
let sessions: CometSessions;
let sids: number;

beforeEach(async () => {
  clock = new FakeClock();
  sids = 0;
  const broker = new MemoryBroker();
  core = new Core(
    { ...CORE_DEFAULTS, historySize: 100, namespaces: { "": { clientPublish: true, historySize: 100 } } },
    {
      broker,
      sharedSecret: async () => "the secret of this world",
      revocations: memoryRevocations(broker, clock),
      clock,
      logger: silentLogger,
      metrics: noMetrics,
      sessionId: () => ownerPrefix({ slot: 0, generation: 0 }) + `${++sids}`.padStart(16, "0"),
      random: () => 0.5,
    },
  );
  core.start();
  sessions = new CometSessions();
  polls = new Polls(core, sessions, { holdMs: 25_000, graceMs: 10_000 }, clock);
  await clock.settle();
});
afterEach(async () => {
  polls.close();
  await core.close();
  expect(clock.timers).toBe(0);
});

async function poll(
  from: { readonly cursor?: string; readonly channels?: readonly string[] },
  ...commands: Record<string, unknown>[]
): Promise<TestPoll> {
  const cursor = from.cursor === undefined ? undefined : decodeCursor(from.cursor, 10);
  const asked = { cursor, channels: from.channels, commands: commands.map(frameOf) };
  const held = new TestPoll();
  if (polls.goOn(asked, held) === "absent") polls.open(asked, undefined, held);
  await clock.settle();
  return held;
}

async function connected(): Promise<Answer> {
  return (await poll({ channels: ["news"] })).answered;
}

async function publish(n: number): Promise<void> {
  const publisher = await poll({}, { id: 1, connect: {} }, { id: 2, publish: { channel: "news", data: n } });
  publisher.abort();
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(Math.min(1000, left));
    await clock.settle();
  }
}

function data({ frames }: Answer): unknown[] {
  return frames.flatMap((frame) =>
    "publication" in frame ? [(frame.publication as { data: Json }).data] : [],
  );
}

const frameOf = (command: Record<string, unknown>): CommandFrame => ({
  id: command.id,
  value: command,
  text: JSON.stringify(command),
});

describe("a polled session", () => {
  it("begins with channels, and holds the next poll until there is something to say", async () => {
    const first = await connected();
    expect(first.frames[0]).toMatchObject({ connect: { sid: first.sid, subs: { news: { offset: 0 } } } });
    const held = await poll(first);
    expect(held.fate).toBe("held");
    await publish(1);
    expect(data(held.answered)).toEqual([1]);
  });

  it("has commands behind its connect carried out once that is answered, in order and each once", async () => {
    const asked = [
      { id: 1, connect: { subs: { news: null } } },
      { id: 2, unsubscribe: { channel: "other" } },
      { id: 3, publish: { channel: "news", data: 7 } },
    ];
    const first = (await poll({}, ...asked)).answered;
    const frames = [...first.frames];
    if (data(first).length === 0) frames.push(...(await poll(first, ...asked)).answered.frames);
    const ids = frames.flatMap(({ id }) => (id === undefined ? [] : [id]));
    expect(ids).toEqual([1, 2, 3]);
    expect(frames.filter((frame) => "publication" in frame)).toHaveLength(1);
  });

  it("is told in its first answer how long a poll is held", async () => {
    const first = await connected();
    expect(first.hold).toBe(25_000);
    const held = await poll(first);
    await publish(1);
    expect(held.answered).not.toHaveProperty("hold");
  });

  it("is given a lost answer again, byte for byte, and goes on behind it", async () => {
    const first = await connected();
    const lost = await poll(first);
    await publish(1);
    await publish(2);
    const again = await poll(first);
    expect(again.text).toBe(lost.text);
    expect(data((await poll(again.answered)).answered)).toEqual([2]);
  });

  it("ends when it goes on in a newer transport, and what was held hears so", async () => {
    const first = await connected();
    const held = await poll(first);
    sessions.set(first.sid, { take() {}, supersede() {} });
    await clock.settle();
    expect(core.connections).toBe(0);
    expect(held.fate).toBe("superseded");
  });

  it("is not slow when a message comes between an answer and the next poll, however long it is held before", async () => {
    let last = await connected();
    for (let round = 0; round < 5; round++) {
      const held = await poll(last);
      await pass(20_000);
      await publish(round);
      // Before the client has said that it has that answer.
      await publish(-round);
      last = (await poll(held.answered)).answered;
      expect(last.close).toBeUndefined();
    }
    expect(last.sid).toBe((await poll(last, { id: 1, publish: { channel: "news", data: 1 } })).answered.sid);
  });

  it("carries a command out once, however often its poll is sent", async () => {
    const first = await connected();
    const command = { id: 7, publish: { channel: "news", data: "once" } };
    const lost = await poll(first, command);
    const again = await poll(first, command);
    expect(again.text).toBe(lost.text);
    const next = await poll(again.answered, command);
    const all = [again.answered, ...(next.text === undefined ? [] : [next.answered])];
    expect(all.flatMap(data)).toEqual(["once"]);
    expect(all.flatMap(({ frames }) => frames).filter((frame) => frame.id === 7)).toHaveLength(1);
  });

  it("answers the older of two polls with superseded", async () => {
    const first = await connected();
    const older = await poll(first);
    const newer = await poll(first);
    expect(older.fate).toBe("superseded");
    await publish(1);
    expect(data(newer.answered)).toEqual([1]);
  });

  it("answers a poll without news after a while, with the cursor that it had", async () => {
    const first = await connected();
    const held = await poll(first);
    await pass(26_000);
    expect(held.answered).toMatchObject({ frames: [], cursor: first.cursor });
    expect(core.connections).toBe(1);
  });

  it("outlives pings while it is polled, and ends without a poll", async () => {
    let cursor: { readonly cursor: string } = await connected();
    for (let i = 0; i < 4; i++) {
      const held = await poll(cursor);
      await pass(26_000);
      cursor = held.answered;
    }
    expect(core.connections).toBe(1);
    await pass(12_000);
    expect(core.connections).toBe(0);
    expect(core.detached).toBe(1);
  });

  it("ends when its client has gone away from a held poll", async () => {
    const held = await poll(await connected());
    held.abort();
    await pass(12_000);
    expect(core.connections).toBe(0);
  });

  it("is made anew from its cursor when it is gone, without a hole and without a repetition", async () => {
    const first = await connected();
    const held = await poll(first);
    await publish(1);
    await pass(12_000);
    await publish(2);
    const back = (await poll(held.answered)).answered;
    expect(back.frames[0]).toMatchObject({
      connect: { resumed: true, subs: { news: { offset: 1, recovered: true } } },
    });
    expect(data(back)).toEqual([2]);
    expect(back.sid.slice(4)).toBe(first.sid.slice(4));
  });

  it("made anew, takes a repetition of the poll that made it for that", async () => {
    const first = await connected();
    await pass(12_000);
    const command = { id: 9, publish: { channel: "news", data: "once" } };
    const lost = await poll(first, command);
    const again = await poll(first, command);
    expect(again.text).toBe(lost.text);
    await clock.settle();
    const rest = await poll(again.answered);
    const all = [again.answered, ...(rest.text === undefined ? [] : [rest.answered])];
    expect(all.flatMap(data)).toEqual(["once"]);
  });

  it("is not found with another client's cursor", async () => {
    const first = await connected();
    const forged = first.cursor.replace(/;1;[^;]*;/, ";1;AAAA;");
    const asked = { cursor: decodeCursor(forged, 10), channels: undefined, commands: [] };
    expect(polls.goOn(asked, new TestPoll())).toBe("foreign");
  });

  it("tells in the last answer why it ends, and when to come back", async () => {
    const held = await poll(await connected());
    void core.drain({ windowMs: 0, reason: "deploy" });
    await pass(200);
    const told = held.answered;
    expect(told.frames[0]).toMatchObject({ drain: { reason: "deploy" } });
    const last = await poll(told);
    await pass(2_000);
    expect(last.answered).toMatchObject({ close: { code: 3000, reason: "drain" }, wait: expect.any(Number) });
    expect(last.answered.cursor).toBeDefined();
  });

  it("splits what is too much for one answer, each with its own position", async () => {
    const first = await connected();
    const big = "x".repeat(100_000);
    for (let n = 1; n <= 5; n++) await publish(n);
    const publisher = await poll({}, { id: 1, connect: {} });
    for (let id = 2; id <= 6; id++)
      await poll(publisher.answered, { id, publish: { channel: "news", data: big } });
    const answers: Answer[] = [];
    for (let answer = (await poll(first)).answered; ; ) {
      answers.push(answer);
      const next = await poll(answer);
      if (next.text === undefined) break;
      answer = next.answered;
    }
    expect(answers.length).toBeGreaterThan(1);
    expect(answers.flatMap(data)).toEqual([1, 2, 3, 4, 5, ...Array(5).fill(big)]);
    for (const answer of answers) {
      const last = answer.frames.at(-1)?.publication as { offset: number };
      const cursor = decodeCursor(answer.cursor, 10);
      expect(cursor?.positions.get("news")?.offset).toBe(last.offset);
    }
  });

  it("ends as slow when what it has yet to fetch, or to acknowledge, is too much", async () => {
    const reader = await poll(await connected());
    const publisher = await poll({}, { id: 1, connect: {} });
    const pad = "x".repeat(100_000);
    let answer = publisher.answered;
    for (let id = 2; id <= 16; id++)
      answer = (await poll(answer, { id, publish: { channel: "news", data: pad } })).answered;
    const all: Answer[] = [reader.answered];
    for (let last = reader.answered; last.close === undefined; all.push(last))
      last = (await poll(last)).answered;
    expect(all.at(-1)?.close).toEqual({ code: 3002, reason: "slow" });
    // It may come back with its cursor, and has missed nothing then.
    const back = (await poll(all.at(-1) as Answer)).answered;
    expect(back.frames[0]).toMatchObject({ connect: { subs: { news: { recovered: true } } } });
  });
});

it("a poll that another instance waits for is signed every 3 s for as long as it is held, another one never", async () => {
  const [one, two] = [await connected(), await connected()];
  const [held, other] = [new TestPoll(), new TestPoll()];
  held.isForwarded = true;
  for (const [{ cursor }, poll] of [
    [one, held],
    [two, other],
  ] as const) {
    polls.goOn({ cursor: decodeCursor(cursor, 10), channels: undefined, commands: [] }, poll);
  }
  expect(held.signs).toBe(1);
  await pass(9_000);
  expect([held.signs, other.signs]).toEqual([4, 0]);
  await pass(20_000);
  expect(held.fate).toBe("answered");
  const { signs } = held;
  await pass(6_000);
  expect(held.signs).toBe(signs);
});
