/**
 * The read budget: a handle that brings too much in one turn is stopped, and goes on in the next.
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

describe("the read budget", () => {
  it("stops a handle at its budget, once, and starts it in the next turn", async () => {
    const budget = new ReadBudget(100);
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
  });

  it("counts each handle by itself", async () => {
    const budget = new ReadBudget(100);
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

  it("starts all that were stopped in one turn", async () => {
    const budget = new ReadBudget(100);
    const handles = Array.from({ length: 3 }, () => new Handle());
    for (const handle of handles) budget.read(handle, 100);
    await turn();
    expect(handles.map(({ calls }) => calls)).toEqual(Array(3).fill(["stop", "start"]));
  });
});
