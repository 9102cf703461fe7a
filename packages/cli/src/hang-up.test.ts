import { EventEmitter } from "node:events";
import { describe, expect, it } from "@jest/globals";
import { onHangUp } from "./hang-up.js";

function setUp(terminals: readonly number[]) {
  const source = new EventEmitter();
  const alive = new Set(terminals);
  const done: string[] = [];
  const letGo = onHangUp(
    { reload: () => done.push("reload"), stop: () => done.push("stop") },
    source as never,
    (fd) => alive.has(fd),
  );
  return { source, alive, done, letGo };
}

describe("SIGHUP", () => {
  it("reloads, as often as it comes", () => {
    const { source, done, letGo } = setUp([]);
    source.emit("SIGHUP");
    source.emit("SIGHUP");
    letGo();
    expect(source.emit("SIGHUP")).toBe(false);
    expect(done).toEqual(["reload", "reload"]);
  });

  it("reloads on a terminal that is there, and stops when that is gone", () => {
    const { source, alive, done } = setUp([1, 2]);
    source.emit("SIGHUP");
    alive.clear();
    source.emit("SIGHUP");
    expect(done).toEqual(["reload", "stop"]);
  });
});
