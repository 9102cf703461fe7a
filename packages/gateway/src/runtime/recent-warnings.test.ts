import { type Logger, silentLogger } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { RecentWarnings } from "./recent-warnings.js";

describe("recent warnings", () => {
  it("are the warnings and errors that were logged, the newest first, and the log has every line", () => {
    const lines: string[] = [];
    const logger: Logger = {
      debug: (_, message) => lines.push(message),
      info: (_, message) => lines.push(message),
      warn: (_, message) => lines.push(message),
      error: (_, message) => lines.push(message),
    };
    let now = 0;
    const warnings = new RecentWarnings(() => ++now);
    const both = warnings.over(logger);
    both.debug({}, "a");
    both.info({}, "b");
    both.warn({ worker: 1 }, "c");
    both.error({ err: new Error("broken") }, "d");
    both.error({ err: new Error("broken again") }, "d");
    expect(lines).toEqual(["a", "b", "c", "d", "d"]);
    expect(warnings.list()).toEqual([
      { at: 3, level: "error", message: "d", details: '{"err":"broken again"}', times: 2 },
      { at: 1, level: "warn", message: "c", details: '{"worker":1}', times: 1 },
    ]);
  });

  it("are a hundred at most, and short whatever was logged", () => {
    const warnings = new RecentWarnings(() => 0);
    const both = warnings.over(silentLogger);
    const ring: { self?: object } = {};
    ring.self = ring;
    both.warn(ring, "a ring");
    expect(warnings.list()[0]?.details).toBe("{}");
    for (let each = 0; each < 300; each++) both.warn({ text: "x".repeat(9999) }, `line ${each}`);
    const list = warnings.list();
    expect(list).toHaveLength(100);
    expect(list[0]?.message).toBe("line 299");
    expect(list[0]?.details).toHaveLength(501);
  });
});
