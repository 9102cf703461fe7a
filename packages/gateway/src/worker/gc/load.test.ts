import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { LOAD_INTERVAL_MS, type Load } from "../../link/messages.js";
import { LoadReporter } from "./load.js";

const IDLE: Load = { sockets: 0, received: 0, connections: 0, loopDelayMs: 1, broker: "ready" };

function setUp() {
  const clock = new FakeClock();
  const sent: Load[] = [];
  const world = { load: IDLE };
  const reporter = new LoadReporter(
    clock,
    () => world.load,
    (load) => sent.push(load),
  );
  return { clock, sent, world, reporter };
}

/** Of core's ticker. */
const TICK_MS = 100;

describe("load reports", () => {
  it("come with a tick, so that an idle worker does not wake up for them alone", () => {
    expect(LOAD_INTERVAL_MS % TICK_MS).toBe(0);
  });

  it("begin at once and then come only when something changed", () => {
    const { clock, sent, world } = setUp();
    expect(sent).toEqual([IDLE]);
    clock.advance(10 * LOAD_INTERVAL_MS);
    expect(sent).toHaveLength(1);
    world.load = { ...IDLE, connections: 1 };
    clock.advance(10 * LOAD_INTERVAL_MS);
    expect(sent).toEqual([IDLE, world.load]);
  });

  it("do not mind a loop that is a little later", () => {
    const { clock, sent, world } = setUp();
    world.load = { ...IDLE, loopDelayMs: 9 };
    clock.advance(LOAD_INTERVAL_MS);
    expect(sent).toHaveLength(1);
    world.load = { ...IDLE, loopDelayMs: 50 };
    clock.advance(LOAD_INTERVAL_MS);
    expect(sent).toHaveLength(2);
  });

  it("end when closed", () => {
    const { clock, reporter } = setUp();
    reporter.close();
    expect(clock.timers).toBe(0);
  });
});
