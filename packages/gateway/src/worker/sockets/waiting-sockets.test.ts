import { PassThrough } from "node:stream";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { WaitingSockets } from "./waiting-sockets.js";

function setUp(limit?: number) {
  const clock = new FakeClock();
  return { clock, waiting: new WaitingSockets(clock, 10_000, limit) };
}

describe("sockets that wait for their request", () => {
  it("are destroyed when their time is over, each in its turn", () => {
    const { clock, waiting } = setUp();
    const [early, late] = [new PassThrough(), new PassThrough()];
    waiting.add(early);
    clock.advance(5_000);
    waiting.add(late);
    clock.advance(5_000);
    expect([early.destroyed, late.destroyed]).toEqual([true, false]);
    clock.advance(5_000);
    expect(late.destroyed).toBe(true);
    expect(waiting.size).toBe(0);
  });

  it("are left alone once released, and tell how long they waited", () => {
    const { clock, waiting } = setUp();
    const socket = new PassThrough();
    waiting.add(socket);
    clock.advance(250);
    expect(waiting.release(socket)).toBe(0.25);
    expect(waiting.release(socket)).toBeUndefined();
    clock.advance(60_000);
    expect(socket.destroyed).toBe(false);
  });

  it("are forgotten when they close by themselves", () => {
    const { clock, waiting } = setUp();
    waiting.add(new PassThrough().destroy());
    clock.advance(1_000);
    expect(waiting.size).toBe(0);
  });

  it("are refused beyond the limit, closed ones not counted", () => {
    const { waiting } = setUp(2);
    const [first, second] = [new PassThrough(), new PassThrough()];
    expect([waiting.add(first), waiting.add(second), waiting.add(new PassThrough())]).toEqual([
      true,
      true,
      false,
    ]);
    first.destroy();
    expect(waiting.add(new PassThrough())).toBe(true);
    expect(second.destroyed).toBe(false);
  });

  it("are destroyed together at the end, and no timer is left", () => {
    const { clock, waiting } = setUp();
    const socket = new PassThrough();
    waiting.add(socket);
    waiting.close();
    expect(socket.destroyed).toBe(true);
    expect(clock.timers).toBe(0);
  });
});
