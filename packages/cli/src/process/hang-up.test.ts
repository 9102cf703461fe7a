import { EventEmitter } from "node:events";
import { describe, expect, it } from "@jest/globals";
import { onHangUp } from "./hang-up.js";

function setUp(
  streams: readonly number[],
  env: Record<string, string> = {},
  controlling = false,
  { isBackgroundJob = false, hasFile = true } = {},
) {
  const source = new EventEmitter();
  const alive = new Set(streams);
  const terminal = { controlling };
  const done: string[] = [];
  const letGo = onHangUp(
    {
      reload: () => done.push("reload"),
      stop: () => done.push("stop"),
      ignored: () => done.push("ignored"),
      hasFile,
      env,
    },
    source as never,
    {
      isTerminal: (fd) => alive.has(fd),
      hasControlling: () => terminal.controlling,
      isBackgroundJob: () => isBackgroundJob,
    },
  );
  return { source, alive, terminal, done, letGo };
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
    const { source, alive, terminal, done } = setUp([1, 2], {}, true);
    source.emit("SIGHUP");
    alive.clear();
    terminal.controlling = false;
    source.emit("SIGHUP");
    expect(done).toEqual(["reload", "stop"]);
  });

  it("changes nothing when a terminal goes that no standard stream was on; the next one is an operator's", () => {
    const { source, terminal, done } = setUp([], {}, true);
    source.emit("SIGHUP");
    terminal.controlling = false;
    source.emit("SIGHUP");
    source.emit("SIGHUP");
    expect(done).toEqual(["reload", "ignored", "reload"]);
  });

  it("changes nothing, ever, where the shell started `nohup`", () => {
    const { source, done } = setUp([1], { _: "/usr/local/bin/nohup" });
    source.emit("SIGHUP");
    source.emit("SIGHUP");
    expect(done).toEqual(["ignored", "ignored"]);
  });

  it.each([
    [true, false, "ignored"],
    [true, true, "reload"],
    [false, false, "reload"],
  ])("to a job in the background (%s) with a file (%s): %s", (isBackgroundJob, hasFile, expected) => {
    const { source, done } = setUp([], {}, false, { isBackgroundJob, hasFile });
    source.emit("SIGHUP");
    expect(done).toEqual([expected]);
  });
});
