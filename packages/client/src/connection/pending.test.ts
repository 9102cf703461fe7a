import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../testing/fake-clock.js";
import { MAX_PENDING, Pending, type RequestOutcome } from "./pending.js";

const names = (outcomes: readonly RequestOutcome[]): string[] =>
  outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.error.name));

describe("Pending", () => {
  it("settles each command once, by its reply or its deadline, with one timer", async () => {
    const clock = new FakeClock();
    const pending = new Pending(clock, 100);
    const outcomes: RequestOutcome[] = [];
    const settle = (outcome: RequestOutcome): unknown => outcomes.push(outcome);
    pending.add(settle);
    await clock.advance(60);
    pending.add(settle);
    pending.add(settle);
    pending.settle(3, { ok: true, body: null });
    pending.settle(3, { ok: true, body: null });
    expect(clock.timers).toBe(1);
    await clock.advance(40);
    expect(names(outcomes)).toEqual(["ok", "timeout"]);
    await clock.advance(59);
    expect(outcomes).toHaveLength(2);
    await clock.advance(1);
    expect(names(outcomes)).toEqual(["ok", "timeout", "timeout"]);
    expect(clock.timers).toBe(0);
  });

  it("keeps one timer when a timeout asks for the next command", async () => {
    const clock = new FakeClock();
    const pending = new Pending(clock, 100);
    pending.add(() => pending.add(() => {}));
    await clock.advance(50);
    pending.add(() => {});
    await clock.advance(50);
    expect(clock.timers).toBe(1);
    pending.close();
    expect(clock.timers).toBe(0);
  });

  it("refuses more than it may hold as busy, and ends all as disconnected", () => {
    const pending = new Pending(new FakeClock(), 100);
    const outcomes: RequestOutcome[] = [];
    const settle = (outcome: RequestOutcome): unknown => outcomes.push(outcome);
    for (let i = 0; i < MAX_PENDING; i++) expect(pending.add(settle)).toBe(true);
    expect(pending.add(settle)).toBe(false);
    expect(names(outcomes)).toEqual(["busy"]);
    pending.close();
    pending.close();
    expect(outcomes).toHaveLength(1 + MAX_PENDING);
    expect(names(outcomes.slice(-1))).toEqual(["disconnected"]);
  });
});
