import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../testing/fake-clock.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { SparseLog } from "./sparse-log.js";

function world() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  return { clock, logger, log: new SparseLog(logger, clock, { keys: 3, windowMs: 1_000 }) };
}

describe("the log for what clients get wrong", () => {
  it("has one line for what repeats, and another when the window is over", () => {
    const { clock, logger, log } = world();
    for (let i = 0; i < 1_000; i++) log.warn("origin", "https://a.example", { i }, "refused");
    expect(logger.lines).toEqual([{ level: "warn", fields: { i: 0 }, message: "refused" }]);
    clock.advance(1_000);
    log.warn("origin", "https://a.example", {}, "refused");
    expect(logger.lines[1]?.fields).toEqual({ leftOut: 999 });
  });

  it("has few lines for what is different each time, and counts the rest", () => {
    const { clock, logger, log } = world();
    for (let i = 0; i < 1_000; i++) log.info("origin", `https://${i}.example`, {}, "refused");
    expect(logger.lines).toHaveLength(3);
    clock.advance(1_000);
    log.info("origin", "https://z.example", {}, "refused");
    expect(logger.lines[3]).toMatchObject({ level: "info", fields: { leftOut: 997 } });
  });

  it("keeps kinds apart: a flood of one hides no other", () => {
    const { logger, log } = world();
    for (let i = 0; i < 10; i++) log.warn("origin", `https://${i}.example`, {}, "refused an origin");
    log.warn("path", "/socket.io/", {}, "refused a path");
    expect(logger.messages("warn").at(-1)).toBe("refused a path");
  });

  it("tells keys apart by their first 200 characters", () => {
    const { logger, log } = world();
    log.warn("origin", `${"x".repeat(200)}1`, {}, "refused");
    log.warn("origin", `${"x".repeat(200)}2`, {}, "refused");
    expect(logger.lines).toHaveLength(1);
  });
});
