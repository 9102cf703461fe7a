/**
 * The read budget: a handle that brings too much in one turn, or much when all together have, goes on in a
 * later one.
 */
import { describe, expect, it } from "@jest/globals";
import { ReadBudget } from "./read-budget.js";

class Handle {
  readonly calls: string[] = [];
  readStop(): number {
    this.calls.push("stop");
    return 0;
  }
  readStart(): number {
    this.calls.push("start");
    return 0;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const handles = (count: number): Handle[] => Array.from({ length: count }, () => new Handle());

describe("the budget of one handle", () => {
  const options = { maxBytes: 100, maxTurnBytes: 10_000, smallBytes: 0 };

  it("stops it where it is used up, once, and starts it in the next turn", async () => {
    const budget = new ReadBudget(options);
    const handle = new Handle();
    budget.read(handle, 60);
    expect(handle.calls).toEqual([]);
    budget.read(handle, 40);
    expect(handle.calls).toEqual(["stop"]);
    await turn();
    expect(handle.calls).toEqual(["stop", "start"]);
    // It has a whole budget again.
    budget.read(handle, 99);
    expect(handle.calls).toEqual(["stop", "start"]);
    await turn();
  });

  it("is its own", async () => {
    const budget = new ReadBudget(options);
    const [loud, quiet] = [new Handle(), new Handle()];
    for (let i = 0; i < 5; i++) {
      budget.read(loud, 99);
      budget.read(quiet, 1);
    }
    expect([loud.calls, quiet.calls]).toEqual([[], []]);
    budget.read(loud, 100);
    budget.read(quiet, 1);
    await turn();
    expect([loud.calls, quiet.calls]).toEqual([["stop", "start"], []]);
  });

  it("is for one turn", async () => {
    const budget = new ReadBudget(options);
    const handle = new Handle();
    for (let i = 0; i < 3; i++) {
      budget.read(handle, 60);
      await turn();
    }
    expect(handle.calls).toEqual([]);
  });
});

describe("the budget of all together", () => {
  it("stops each that brings much when it is used up, and none that brings little", async () => {
    let paused = 0;
    const budget = new ReadBudget({
      maxBytes: 100,
      maxTurnBytes: 150,
      smallBytes: 10,
      paused: () => paused++,
    });
    const loud = handles(3);
    const quiet = new Handle();
    for (const handle of loud) budget.read(handle, 80);
    for (let i = 0; i < 50; i++) budget.read(quiet, 9);
    expect(loud.map(({ calls }) => calls)).toEqual([[], ["stop"], ["stop"]]);
    expect([quiet.calls, paused]).toEqual([[], 2]);
    await turn();
    await turn();
  });

  it("lets those that wait go on in order, as many in a turn as have room, until none waits", async () => {
    const budget = new ReadBudget({ maxBytes: 100, maxTurnBytes: 200, smallBytes: 10 });
    const loud = handles(5);
    for (const handle of loud) budget.read(handle, 100);
    const going: number[] = [];
    while (budget.waiting > 0) {
      await turn();
      going.push(loud.filter(({ calls }) => calls.includes("start")).length);
    }
    // The first two were stopped by their own budget.
    expect(going).toEqual([2, 4, 5]);
  });

  it("lets one go on that has brought more than all may", async () => {
    const budget = new ReadBudget({ maxBytes: 100, maxTurnBytes: 200, smallBytes: 10 });
    const [huge, other] = [new Handle(), new Handle()];
    budget.read(huge, 5_000);
    budget.read(other, 50);
    await turn();
    expect([huge.calls, other.calls]).toEqual([["stop", "start"], ["stop"]]);
    await turn();
    expect(other.calls).toEqual(["stop", "start"]);
  });
});
