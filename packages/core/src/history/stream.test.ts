import type { Position } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Entry, LogPage } from "../broker/broker.js";
import { channelTopic } from "../broker/topic.js";
import { Random } from "../testing/simulation/random.js";
import { Schedule } from "../testing/simulation/schedule.js";
import { SimServer } from "../testing/simulation/sim-server.js";
import { RecentEntriesBudget } from "./recent-entries.js";
import type { Recovery } from "./recovery.js";
import { Stream, type StreamLimits, type StreamProgress } from "./stream.js";

const LIMITS: StreamLimits = { maxEntries: 100, maxChars: 1000 };
const at = (offset: number, epoch = "a"): Position => ({ offset, epoch });
const entry = (offset: number): Entry => ({ offset, data: `${offset}` });

/** A log with entries from `oldest` to `top`. */
function page(top: number, more: Partial<LogPage> & { epoch?: string; from?: number } = {}): LogPage {
  const { epoch = "a", oldest = 1, from = oldest, lineage = [], entries } = more;
  const all = Array.from({ length: Math.max(0, top - from + 1) }, (_, i) => entry(from + i));
  return { top: at(top, epoch), oldest, lineage, entries: entries ?? all };
}

/** A stream that stands at `offset`, and has `tail` entries before it. */
function streamAt(offset: number, recentEntries = 0, limits = LIMITS): Stream {
  const stream = new Stream(limits, new RecentEntriesBudget(10_000));
  stream.begin(page(offset - recentEntries));
  for (let next = offset - recentEntries + 1; next <= offset; next++) stream.advance(entry(next));
  return stream;
}

const offsets = (found: { readonly entries: readonly Entry[] }): number[] =>
  found.entries.map(({ offset }) => offset);

describe("a publication that arrives", () => {
  test("is delivered if it is the next", () => {
    const stream = streamAt(3);
    expect(stream.arrive(at(4), "4")).toBe("deliver");
    // It is the owner who delivers: until then nothing has moved.
    expect(stream.position).toEqual(at(3));
    stream.advance(entry(4));
    expect(stream.position).toEqual(at(4));
  });

  test("is known if it was delivered", () => {
    expect(streamAt(3).arrive(at(3), "3")).toBe("known");
  });

  test.each([
    ["leaves a hole", at(5)],
    ["names another epoch", at(4, "b")],
    ["names another epoch, and an offset that was delivered", at(1, "b")],
  ])("shows that something is missing if it %s; what follows is held", (_, position) => {
    const stream = streamAt(3);
    expect(stream.arrive(position, "x")).toBe("behind");
    expect(stream.proving).toBe(true);
    expect(stream.arrive(at(4), "4")).toBe("held");
    expect(stream.position).toEqual(at(3));
  });

  test("is held before the beginning is known, and delivered after it", () => {
    const stream = new Stream(LIMITS, new RecentEntriesBudget(1000));
    expect(stream.arrive(at(4), "4")).toBe("held");
    expect(stream.arrive(at(5), "5")).toBe("held");
    expect(stream.begin(page(4, { entries: [] }))).toEqual({
      gap: undefined,
      entries: [entry(5)],
      more: false,
    });
  });

  test("and does not follow the beginning asks for another read", () => {
    const stream = new Stream(LIMITS, new RecentEntriesBudget(1000));
    stream.arrive(at(7), "7");
    expect(stream.begin(page(4, { entries: [] })).more).toBe(true);
    expect(stream.proving).toBe(true);
  });

  test("too much of it while the log is read is not kept, but read", () => {
    const stream = streamAt(0);
    stream.arrive(at(2), "2");
    for (let offset = 3; offset < 2000; offset++) stream.arrive(at(offset), `${offset}`);
    const progress = stream.accept(page(1, { entries: [entry(1)] }));
    expect(progress.more).toBe(true);
    expect(offsets(progress)).toEqual(Array.from({ length: 1025 }, (_, i) => i + 1));
    expect(stream.accept(page(1999, { from: 1026 }))).toMatchObject({ more: false, gap: undefined });
    expect(stream.position).toEqual(at(1999));
  });
});

describe("a page of the log", () => {
  test("fills the hole, then comes what was held", () => {
    const stream = streamAt(3);
    stream.arrive(at(6), "6");
    stream.arrive(at(7), "7");
    expect(stream.accept(page(6, { from: 4 }))).toEqual({
      gap: undefined,
      entries: [entry(4), entry(5), entry(6), entry(7)],
      more: false,
    });
  });

  test("that does not reach the end asks for the next", () => {
    const stream = streamAt(3);
    expect(stream.accept(page(9, { entries: [entry(4), entry(5)] }))).toMatchObject({ more: true });
    expect(stream.next).toBe(6);
  });

  test("names the gap where the log no longer has what is missing", () => {
    const stream = streamAt(3);
    expect(stream.accept(page(9, { oldest: 8 }))).toEqual({
      gap: { after: at(3), from: 4, to: 7, reason: "expired" },
      entries: [entry(8), entry(9)],
      more: false,
    });
  });

  test("that is older than what came by pub/sub meanwhile changes nothing", () => {
    const stream = streamAt(3);
    stream.arrive(at(4), "4");
    stream.advance(entry(4));
    expect(stream.accept(page(3, { entries: [] }))).toEqual({ gap: undefined, entries: [], more: false });
    expect(stream.position).toEqual(at(4));
  });

  test("of a new epoch that shares all that was heard goes on without a gap, and the epoch is to be told", () => {
    const stream = streamAt(3);
    expect(stream.accept(page(5, { epoch: "b", from: 4, lineage: [at(3)] }))).toMatchObject({
      gap: undefined,
    });
    expect(stream.position).toEqual(at(5, "b"));
    expect(stream.epochs.due).toBe("b");
    stream.epochs.told();
    expect(stream.epochs.due).toBeUndefined();
  });

  test("of a new epoch that lost some of it names the gap, from where the two part", () => {
    const stream = streamAt(5);
    expect(stream.accept(page(4, { epoch: "b", lineage: [at(3)] }))).toEqual({
      gap: { after: at(5), from: 4, to: 4, reason: "epoch" },
      entries: [],
      more: false,
    });
    expect(stream.position).toEqual(at(4, "b"));
  });

  test("of a log that began anew names the gap from its beginning, even if that is empty", () => {
    const gap = { after: at(5), from: 1, to: 0, reason: "epoch" };
    expect(streamAt(5).accept(page(0, { epoch: "b" }))).toMatchObject({ gap });
  });
});

describe("a client that comes back", () => {
  const recover = (stream: Stream, since: Position, heard = stream.position ?? at(0)): Recovery =>
    stream.recover(since, heard);

  test("gets what it missed from the tail, up to what listeners have heard", () => {
    const stream = streamAt(9, 5);
    expect(recover(stream, at(6), at(8))).toEqual({
      kind: "recovered",
      position: at(8),
      entries: [entry(7), entry(8)],
    });
  });

  test("and has heard more than listeners here waits for them, and keeps its place", () => {
    const stream = streamAt(9, 5);
    expect(recover(stream, at(9), at(8))).toEqual({ kind: "amid", position: at(9) });
    expect(recover(stream, at(9), at(9))).toEqual({ kind: "recovered", position: at(9), entries: [] });
  });

  test("before the tail begins has to wait for a read", () => {
    const stream = streamAt(9, 2);
    expect(recover(stream, at(5))).toEqual({ kind: "earlier", from: 6 });
    stream.recent.want(6);
    stream.recent.want(7);
    expect(stream.recent.takeWanted(stream.next)).toEqual({ from: 6, to: 7 });
    expect(stream.recent.takeWanted(stream.next)).toBeUndefined();
    stream.extend(page(9, { from: 6 }));
    expect(recover(stream, at(5))).toMatchObject({ kind: "recovered" });
  });

  test("is not served from a page that does not reach the tail", () => {
    const stream = streamAt(9, 2);
    stream.extend(page(9, { entries: [entry(5), entry(6)] }));
    expect(recover(stream, at(4))).toEqual({ kind: "earlier", from: 5 });
  });

  test("is not served from a page of another epoch: that has to be proven first", () => {
    const stream = streamAt(9, 2);
    stream.extend(page(9, { epoch: "b", from: 6 }));
    expect(stream.proving).toBe(true);
    expect(recover(stream, at(5))).toEqual({ kind: "earlier", from: 6 });
  });

  test("after what it missed has expired is told so", () => {
    const stream = streamAt(9, 2);
    stream.extend(page(9, { oldest: 7 }));
    expect(recover(stream, at(5))).toMatchObject({ kind: "lost", reason: "expired", position: at(9) });
    expect(recover(stream, at(6))).toMatchObject({ kind: "recovered" });
  });

  test.each([
    ["publications", { maxEntries: 3, maxChars: 1000 }, 5],
    ["characters", { maxEntries: 100, maxChars: 3 }, 5],
  ])("to more %s than one answer may hold is told so, and nothing is read", (_, limits, since) => {
    const stream = streamAt(9, 9, limits);
    expect(recover(stream, at(since))).toMatchObject({ kind: "lost", reason: "too_many" });
    expect(recover(stream, at(6))).toMatchObject({ kind: "recovered" });
  });

  test("from ahead of this worker waits until the log was read", () => {
    expect(recover(streamAt(9), at(10))).toEqual({ kind: "ahead", reason: "unverifiable" });
    // At 4 of "b", of which there is more, and which shares "a" up to 6.
    const stream = streamAt(3);
    stream.accept(page(9, { epoch: "b", entries: [entry(4)], lineage: [at(6)] }));
    expect(recover(stream, at(5))).toEqual({ kind: "ahead", reason: "unverifiable" });
    expect(recover(stream, at(8))).toEqual({ kind: "ahead", reason: "epoch" });
  });

  test("from an epoch that is news here waits until the log was read, once", () => {
    const stream = streamAt(9);
    expect(recover(stream, at(9, "b"))).toEqual({ kind: "ahead", reason: "epoch" });
    stream.epochs.refute("b");
    expect(recover(stream, at(9, "b"))).toMatchObject({ kind: "lost", reason: "epoch" });
    expect(recover(stream, at(9, "c"))).toMatchObject({ kind: "ahead" });
  });

  describe("over a change of epoch", () => {
    /** At 7 of "b", which shares "a" up to 5; 3 was what it stood at. */
    function changed(): Stream {
      const stream = streamAt(3, 3);
      stream.accept(page(7, { epoch: "b", from: 4, lineage: [at(5)] }));
      return stream;
    }

    test("goes on from what both epochs share", () => {
      expect(recover(changed(), at(5))).toMatchObject({ kind: "recovered", position: at(7, "b") });
      expect(recover(changed(), at(2))).toMatchObject({ kind: "recovered", position: at(7, "b") });
    });

    test("with what was lost is told so, and hears nothing again that it had", () => {
      expect(recover(changed(), at(6), at(3))).toEqual({
        kind: "lost",
        reason: "epoch",
        position: at(5, "b"),
      });
    });

    test("waits at the place that it has in the new epoch while listeners have yet to hear of it", () => {
      expect(recover(changed(), at(6, "b"), at(3))).toEqual({ kind: "amid", position: at(6, "b") });
    });

    test("waits while listeners have yet to hear of a gap", () => {
      const stream = streamAt(9, 3);
      stream.accept(page(8, { epoch: "b", lineage: [at(5)] }));
      expect(recover(stream, at(5), at(7))).toEqual({ kind: "torn" });
      expect(recover(stream, at(5))).toEqual({ kind: "earlier", from: 6 });
    });
  });
});

test("against a model: whatever pub/sub loses and the log goes through, nothing is let through twice, out of order or with a hole that is not named, and every recovery is right", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("publish" as const), heard: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("read" as const, "answer" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail over" as const), lost: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("restart" as const, "expire" as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("come back" as const), from: fc.nat(1000) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const schedule = new Schedule();
      const server = new SimServer(schedule, new Random(seed), 1000);
      const topic = channelTopic("c");
      const lives = server.lives("c");
      const retention = { size: 10, ttlMs: 1000 };
      const stream = new Stream({ maxEntries: 8, maxChars: 1000 }, new RecentEntriesBudget(20));
      stream.begin(server.read(topic, { from: 1, limit: 0, retention }));
      let here = stream.position ?? at(0);
      const stood = [here];
      let underWay: LogPage | undefined;
      let made = 0;

      const deliver = ({ offset, data }: Entry): void => {
        const { epoch } = stream.position ?? at(0);
        expect(offset).toBe(here.offset + 1);
        expect(lives.shares(here, epoch)).toBe(true);
        expect(lives.node({ offset, epoch })?.data).toBe(data);
        here = { offset, epoch };
        stood.push(here);
      };
      const go = ({ gap, entries }: StreamProgress): void => {
        const { epoch } = stream.position ?? at(0);
        if (gap !== undefined) {
          expect(gap.after.offset).toBe(here.offset);
          expect(gap.to - gap.from).toBeGreaterThanOrEqual(-1);
          here = { offset: gap.to, epoch };
        }
        for (const each of entries) deliver(each);
        here = { ...here, epoch };
        stood.push(here);
        expect(stream.position).toEqual(here);
      };
      server.subscribe(topic, {
        deliver(_topic, data, position) {
          if (position === undefined || lost) return;
          if (stream.arrive(position, data) !== "deliver") return;
          stream.advance({ offset: position.offset, data });
          deliver({ offset: position.offset, data });
        },
      });
      let lost = false;

      for (const each of steps) {
        if (each.kind === "publish") {
          lost = !each.heard;
          server.publish(topic, `${++made}`, { retention });
        } else if (each.kind === "read") {
          underWay ??= server.read(topic, { from: stream.next, limit: 3, retention });
        } else if (each.kind === "answer") {
          if (underWay !== undefined) go(stream.accept(underWay));
          underWay = undefined;
        } else if (each.kind === "fail over") server.failOver(each.lost);
        else if (each.kind === "restart") server.restart();
        else if (each.kind === "expire") {
          while (schedule.take(schedule.now + 300) !== undefined);
          schedule.now += 300;
        } else if (each.kind === "come back") {
          const since = stood[each.from % stood.length] ?? here;
          const recovery = stream.recover(since, here);
          if (recovery.kind === "recovered") {
            expect(lives.shares(since, here.epoch)).toBe(true);
            const missed = recovery.entries.map(({ offset }) => offset);
            expect(missed).toEqual(
              Array.from({ length: Math.max(0, here.offset - since.offset) }, (_, i) => since.offset + 1 + i),
            );
            for (const { offset, data } of recovery.entries)
              expect(lives.node({ offset, epoch: here.epoch })?.data).toBe(data);
          } else if (recovery.kind === "lost") {
            const { reason } = recovery;
            const oldest = server.read(topic, { from: 1, limit: 0, retention }).oldest;
            if (reason === "too_many") expect(here.offset - since.offset).toBeGreaterThan(8);
            else if (reason === "epoch") expect(lives.shares(since, here.epoch)).toBe(false);
            else expect(oldest).toBeGreaterThan(since.offset + 1);
          } else if (recovery.kind === "earlier") expect(recovery.from).toBe(since.offset + 1);
        }
      }
      // In the end the log is read until nothing is missing.
      for (let reads = 0; ; reads++) {
        expect(reads).toBeLessThan(50);
        const progress = stream.accept(server.read(topic, { from: stream.next, limit: 3, retention }));
        go(progress);
        if (!progress.more) break;
      }
      expect(here).toEqual(server.read(topic, { from: 1, limit: 0, retention }).top);
    }),
    { numRuns: 500 },
  );
});
