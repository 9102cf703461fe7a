import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { KEY_WINDOW_MS } from "./broker.js";
import { type LogOptions, MemoryLogs } from "./log-memory.js";
import { channelTopic } from "./topic.js";

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");
const KEEP = { size: 5, ttlMs: 1000 };
const ALL = { from: 1, limit: 100, retention: KEEP };

class Time {
  now = 0;
  epochs = 0;

  logs(options: Partial<LogOptions> = {}): MemoryLogs {
    return new MemoryLogs({
      now: () => this.now,
      newEpoch: () => `e${++this.epochs}`,
      maxChars: 1000,
      maxOwnChars: 1_000_000,
      maxKeys: 100,
      maxKeyChars: 1_000_000,
      ...options,
    });
  }
}

// What every log owes is in testing/broker-log-contract.ts; here is what is the memory's own: its bounds.
describe("the logs in memory", () => {
  test("beyond their characters the log that was used least recently is forgotten, and begins anew in another epoch", () => {
    const logs = new Time().logs({ maxChars: 10 });
    const first = logs.append(NEWS, "12345", KEEP);
    logs.append(SPORT, "12345", KEEP);
    logs.read(NEWS, ALL);
    logs.append(channelTopic("third"), "1", KEEP);
    expect(logs.chars).toBe(6);
    expect(logs.read(NEWS, ALL).top).toEqual(first);
    expect(logs.read(SPORT, ALL).top).toEqual({ offset: 0, epoch: "e4" });
  });

  test("the log in use is never forgotten, however large: its retention bounds it", () => {
    const logs = new Time().logs({ maxChars: 10 });
    for (let i = 0; i < 3; i++) logs.append(NEWS, "1234567", KEEP);
    expect(logs.read(NEWS, ALL).entries).toHaveLength(3);
  });

  test("are forgotten beyond what they take beside their data, also those that were only read", () => {
    const logs = new Time().logs({ maxOwnChars: 20_000 });
    const channel = (nth: number) => channelTopic(`c${nth}-${"n".repeat(200)}`);
    for (let nth = 0; nth < 500; nth++) {
      logs.append(channel(nth), "", KEEP);
      logs.read(channel(1_000 + nth), ALL);
      expect(logs.ownChars).toBeLessThanOrEqual(20_000);
    }
    expect(logs.forgotten).toBeGreaterThan(900);
    expect(logs.read(channel(499), ALL).entries).toHaveLength(1);
    expect(logs.read(channel(0), ALL).entries).toEqual([]);
  });

  test("count what they take down to nothing", () => {
    const time = new Time();
    const logs = time.logs();
    for (let i = 0; i < 20; i++) logs.append(i % 3 === 0 ? NEWS : SPORT, "1", KEEP);
    expect(logs.ownChars).toBeGreaterThan(0);
    time.now = 100_000;
    logs.sweep();
    expect([logs.chars, logs.ownChars]).toEqual([0, 0]);
  });

  test("remember keys up to so many characters, the newest of them", () => {
    const time = new Time();
    const logs = time.logs({ maxKeyChars: 5_000 });
    const key = (nth: number) => `k${nth}-${"y".repeat(120)}`;
    for (let nth = 0; nth < 90; nth++) logs.remember(NEWS, key(nth % 60), undefined);
    expect(logs.keyChars).toBeLessThanOrEqual(5_000);
    expect([logs.used(NEWS, key(29)), logs.used(NEWS, key(0))]).toEqual([expect.anything(), undefined]);
    time.now = KEY_WINDOW_MS + 1;
    logs.sweep();
    expect(logs.keyChars).toBe(0);
  });

  test("an idle log's position outlives its entries, then it is forgotten", () => {
    const time = new Time();
    const logs = time.logs();
    logs.append(NEWS, "1", KEEP);
    time.now = 9_999;
    logs.sweep();
    expect(logs.read(NEWS, ALL)).toMatchObject({ top: { offset: 1, epoch: "e1" }, oldest: 2 });
    time.now += 10_000;
    logs.sweep();
    expect(logs.read(NEWS, ALL).top).toEqual({ offset: 0, epoch: "e2" });
    expect(logs.chars).toBe(0);
  });

  test("a key is known for its window, with the position of its publication, on its own topic", () => {
    const time = new Time();
    const logs = time.logs();
    const position = logs.append(NEWS, "1", KEEP);
    logs.remember(NEWS, "k", position);
    time.now = KEY_WINDOW_MS - 1;
    expect(logs.used(NEWS, "k")?.position).toEqual(position);
    expect(logs.used(SPORT, "k")).toBeUndefined();
    time.now++;
    expect(logs.used(NEWS, "k")).toBeUndefined();
  });

  test("of more keys than may be remembered the oldest is forgotten", () => {
    const logs = new Time().logs({ maxKeys: 2 });
    for (const key of ["a", "b", "c"]) logs.remember(NEWS, key, undefined);
    expect(logs.used(NEWS, "a")).toBeUndefined();
    expect(logs.used(NEWS, "b")).toBeDefined();
    expect(logs.used(NEWS, "c")).toBeDefined();
  });

  test("against a model: pages are what an array of everything says, and characters add up", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("append" as const), data: fc.string({ maxLength: 5 }) }),
      fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(700) }),
      fc.record({
        kind: fc.constant("read" as const),
        from: fc.integer({ min: -2, max: 40 }),
        limit: fc.nat(8),
        reverse: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const time = new Time();
        const logs = time.logs({ maxChars: 1_000_000 });
        const model: { offset: number; data: string; at: number }[] = [];
        let made = 0;
        const kept = () => model.slice(-KEEP.size).filter(({ at }) => at + KEEP.ttlMs > time.now);
        for (const each of steps) {
          if (each.kind === "pass") time.now += each.ms;
          else if (each.kind === "append") {
            model.push({ offset: ++made, data: each.data, at: time.now });
            expect(logs.append(NEWS, each.data, KEEP).offset).toBe(made);
            expect(logs.chars).toBe(kept().reduce((sum, { data }) => sum + data.length, 0));
          } else {
            const { from, limit, reverse } = each;
            const found = reverse
              ? kept()
                  .filter(({ offset }) => offset <= from)
                  .reverse()
              : kept().filter(({ offset }) => offset >= from);
            const page = logs.read(NEWS, { from, limit, reverse, retention: KEEP });
            expect(page.entries).toEqual(found.slice(0, limit).map(({ offset, data }) => ({ offset, data })));
            expect(page.top.offset).toBe(made);
            expect(page.oldest).toBe(made - kept().length + 1);
          }
        }
      }),
    );
  });
});
