import { describe, expect, test } from "@jest/globals";
import { FakeClock } from "../testing/fake-clock.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { LimitedLogger } from "./limited-logger.js";

const LIMITS = { lines: 4, windowMs: 2_000 };

describe("a limited logger", () => {
  test("lets so many lines of a message pass, says how many were left out, and begins anew", () => {
    const clock = new FakeClock();
    const recording = new RecordingLogger();
    const logger = new LimitedLogger(recording, clock, LIMITS);
    for (let i = 0; i < 11; i++) logger.warn({ i }, "again");
    logger.error({}, "another");
    expect(recording.messages("warn")).toEqual(["again", "again", "again", "again"]);
    expect(recording.messages("error")).toEqual(["another"]);
    clock.advance(2_000);
    expect(recording.lines.at(-1)).toEqual({
      level: "warn",
      fields: { of: "again", leftOut: 7 },
      message: "log lines were left out",
    });
    logger.warn({}, "again");
    expect(recording.messages("warn").at(-1)).toBe("again");
    clock.advance(10_000);
    expect(clock.timers).toBe(0);
  });

  test("leaves out nothing of what only an operator who wants all of it sees", () => {
    const recording = new RecordingLogger();
    const logger = new LimitedLogger(recording, new FakeClock(), LIMITS);
    for (let i = 0; i < 50; i++) logger.debug({}, "detail");
    expect(recording.lines).toHaveLength(50);
  });
});
