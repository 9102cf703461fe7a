import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { PendingSocket } from "../../admission/pending-socket.js";
import { FakeHandle } from "../../admission/testing/fake-handle.js";
import { HealthChecks } from "./health-checks.js";

function setUp(...workers: string[]) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const ended: string[] = [];
  const checks = new HealthChecks<string>(
    {
      workers: () => workers,
      ask: (worker) => asked.push(worker),
      ended: ({ target }, result) => ended.push(`${target} ${result}`),
    },
    clock,
  );
  const add = (name: string): boolean => {
    const socket = new PendingSocket(new FakeHandle(), 0);
    socket.target = name;
    return checks.take(socket) === "assigned";
  };
  return { clock, asked, ended, checks, add };
}

describe("health checks", () => {
  it("share a question, are well with the first answer, and ask no worker that owes one", () => {
    const { asked, ended, checks, add } = setUp("stopped", "well");
    add("a");
    add("b");
    expect(asked).toEqual(["stopped", "well"]);
    checks.answered("well");
    checks.answered("well");
    expect(ended).toEqual(["a healthy", "b healthy"]);
    add("c");
    expect(asked).toEqual(["stopped", "well", "well"]);
    checks.answered("stopped");
    expect(ended.at(-1)).toBe("c healthy");
    add("d");
    expect(asked).toEqual(["stopped", "well", "well", "stopped"]);
  });

  it("end within a second when no worker answers", () => {
    const { clock, ended, checks, add } = setUp("stopped");
    add("a");
    clock.advance(600);
    add("b");
    clock.advance(400);
    expect(ended).toEqual(["a no_worker", "b no_worker"]);
    checks.answered("stopped");
    clock.advance(5_000);
    expect(ended).toHaveLength(2);
  });

  it("are bounded, and can be given back", () => {
    const { clock, ended, checks, add } = setUp("stopped");
    for (let i = 0; i < 64; i++) expect(add(`${i}`)).toBe(true);
    expect(add("one too many")).toBe(false);
    expect(checks.drain()).toHaveLength(64);
    clock.advance(2_000);
    expect(ended).toEqual([]);
    expect(add("another")).toBe(true);
  });
});
