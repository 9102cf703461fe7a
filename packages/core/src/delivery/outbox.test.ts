import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TICK_MS, Ticker } from "../runtime/ticker.js";
import { FakeClock } from "../testing/fake-clock.js";
import { FakeTransport } from "../testing/fake-transport.js";
import { Outbox, type OutboxBacklog } from "./outbox.js";

const LIMITS = { maxOutboxBytes: 1000, maxOutboxMessages: 80, maxOutboxAgeMs: 8000 };

/** One connection's outbox, whose other side reads when told to. */
function world() {
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  ticker.start();
  const outbox = new Outbox(LIMITS, ticker);
  const transport = new FakeTransport();
  let backlog: OutboxBacklog | undefined;
  return {
    write(bytes: number, messages = 1): void {
      transport.bufferedBytes += bytes;
      backlog = outbox.wrote(transport, backlog, bytes, messages);
    },
    /** Written and taken by the kernel at once. */
    writeThrough(bytes: number): void {
      backlog = outbox.wrote(transport, backlog, bytes, 1);
    },
    read(bytes = Number.POSITIVE_INFINITY): void {
      transport.bufferedBytes = Math.max(0, transport.bufferedBytes - bytes);
    },
    pass: (ms: number) => clock.advance(ms),
    fill: () => outbox.fill(transport, backlog),
    waiting: () => outbox.waiting(transport, backlog),
    moved: () => outbox.moved(transport, backlog),
    stretches: () => backlog?.stretches.length ?? 0,
    hasBacklog: () => backlog !== undefined,
  };
}

describe("an outbox", () => {
  test("is empty, and nothing is kept for it, while the kernel takes everything", () => {
    const one = world();
    one.writeThrough(5000);
    expect(one.fill()).toBe(0);
    expect(one.hasBacklog()).toBe(false);
    expect(one.waiting()).toEqual({ bytes: 0, messages: 0, ageMs: 0, fill: 0 });
  });

  test("is as full as the limit that is used up most: bytes", () => {
    const one = world();
    one.write(500);
    expect(one.fill()).toBe(0.5);
    one.write(600);
    expect(one.fill()).toBe(1.1);
    one.read(1000);
    expect(one.fill()).toBe(0.1);
  });

  test("frames", () => {
    const one = world();
    for (let i = 0; i < 88; i++) one.write(1);
    expect(one.fill()).toBe(1.1);
    one.read(44);
    expect(one.waiting().messages).toBeGreaterThanOrEqual(44);
    expect(one.waiting().messages).toBeLessThanOrEqual(44 + LIMITS.maxOutboxMessages / 8);
  });

  test("age, of what waits and not of what was written when it began to wait", () => {
    const one = world();
    one.write(100);
    one.pass(5000);
    one.write(100);
    expect(one.waiting().ageMs).toBe(5000);
    one.read(100);
    one.pass(4000);
    expect(one.waiting().ageMs).toBe(4000);
    one.pass(5000);
    expect(one.fill()).toBeGreaterThan(1);
    one.read();
    expect(one.fill()).toBe(0);
  });

  test("begins anew when everything was taken", () => {
    const one = world();
    one.write(100);
    one.pass(7000);
    one.read();
    one.write(10);
    expect(one.waiting()).toEqual({ bytes: 10, messages: 1, ageMs: 0, fill: 0.0125 });
  });

  test("moved when anything was taken since it was last asked", () => {
    const one = world();
    expect(one.moved()).toBe(false);
    one.write(100);
    expect(one.moved()).toBe(false);
    one.write(100);
    expect(one.moved()).toBe(false);
    one.read(1);
    expect(one.moved()).toBe(true);
    expect(one.moved()).toBe(false);
    one.read();
    expect(one.moved()).toBe(true);
  });

  test("knows age and frames as exactly as it says, and keeps little for it", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), bytes: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant("read" as const), bytes: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ kind: fc.constant("pass" as const), bytes: fc.integer({ min: 1, max: 10 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const one = world();
        // Every byte with the moment of its write and whether it is the last of its frame.
        let queue: { readonly at: number; left: number }[] = [];
        let now = 0;
        for (const { kind, bytes } of steps) {
          if (kind === "pass") {
            one.pass(bytes * TICK_MS);
            now += bytes * TICK_MS;
          } else if (kind === "write") {
            if (one.fill() > 1) continue;
            one.write(bytes);
            queue.push({ at: now, left: bytes });
          } else {
            one.read(bytes);
            for (let left = bytes; left > 0 && queue[0] !== undefined; ) {
              const taken = Math.min(left, queue[0].left);
              queue[0].left -= taken;
              left -= taken;
              if (queue[0].left === 0) queue = queue.slice(1);
            }
          }
          const { ageMs, messages } = one.waiting();
          const age = queue[0] === undefined ? 0 : now - queue[0].at;
          expect(ageMs).toBeLessThanOrEqual(age);
          expect(ageMs).toBeGreaterThanOrEqual(age - LIMITS.maxOutboxAgeMs / 8);
          expect(messages).toBeGreaterThanOrEqual(queue.length);
          expect(messages).toBeLessThanOrEqual(queue.length + LIMITS.maxOutboxMessages / 8);
          expect(one.stretches()).toBeLessThanOrEqual(40);
        }
      }),
    );
  });
});
