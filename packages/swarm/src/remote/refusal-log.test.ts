import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { REFUSAL_LINE_MS, RefusalLog } from "./refusal-log.js";

let lines: string[];
let log: RefusalLog;

beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
  log = new RefusalLog((line) => lines.push(line));
});
afterEach(() => {
  log.close();
  jest.useRealTimers();
});

test("a thousand refusals are a line at once and one with their number", () => {
  for (let n = 0; n < 1_000; n++) log.refused("10.0.0.9", "has not the key");
  expect(lines).toEqual(["refused: 10.0.0.9 has not the key"]);
  jest.advanceTimersByTime(REFUSAL_LINE_MS);
  expect(lines.slice(1)).toEqual(["refused: 999 more in 10 s, the last: 10.0.0.9 has not the key"]);
});

test("one that never stops has a line for each ten seconds", () => {
  for (let second = 0; second < 60; second++) {
    for (let n = 0; n < 100; n++) log.refused("10.0.0.9", "has not the key");
    jest.advanceTimersByTime(1_000);
  }
  expect(lines).toHaveLength(7);
});

test("after silence the next one is said at once again", () => {
  log.refused("10.0.0.9", "has not the key");
  jest.advanceTimersByTime(REFUSAL_LINE_MS);
  log.refused("10.0.0.8", "has not the key");
  expect(lines).toEqual(["refused: 10.0.0.9 has not the key", "refused: 10.0.0.8 has not the key"]);
});

test("what is not said yet is said at the end", () => {
  log.refused("10.0.0.9", "has not the key");
  log.refused("10.0.0.8", "has not the key");
  log.close();
  expect(lines.at(-1)).toBe("refused: 1 more in 10 s, the last: 10.0.0.8 has not the key");
});
