import { describe, expect, it, jest } from "@jest/globals";
import { Emitter } from "./emitter.js";

interface Events {
  readonly tick: number;
}

describe("Emitter", () => {
  it("calls each listener in the order of adding until it is removed", () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    emitter.on("tick", (n) => seen.push(`a${n}`));
    const off = emitter.on("tick", (n) => seen.push(`b${n}`));
    emitter.announce("tick", 1);
    off();
    off();
    emitter.announce("tick", 2);
    expect(seen).toEqual(["a1", "b1", "a2"]);
  });

  it("lets a listener added during an event wait for the next one", () => {
    const emitter = new Emitter<Events>();
    const late = jest.fn();
    emitter.on("tick", () => emitter.on("tick", late));
    emitter.announce("tick", 1);
    expect(late).not.toHaveBeenCalled();
    emitter.announce("tick", 2);
    expect(late).toHaveBeenCalledTimes(1);
  });

  it("throws a listener's error from a microtask, after every listener was called", () => {
    const microtasks: (() => void)[] = [];
    const queue = jest.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => microtasks.push(run));
    try {
      const emitter = new Emitter<Events>();
      const other = jest.fn();
      emitter.on("tick", () => {
        throw new Error("listener");
      });
      emitter.on("tick", other);
      emitter.announce("tick", 1);
      expect(other).toHaveBeenCalledWith(1);
      expect(microtasks).toHaveLength(1);
      expect(microtasks[0]).toThrow("listener");
    } finally {
      queue.mockRestore();
    }
  });
});
