import { expect, test } from "@jest/globals";
import { gatewayNumbers, longestPauseMs } from "./gateway-numbers.js";
import { parseMetrics } from "./metrics-text.js";

const TEXT = `# HELP holdfast_event_loop_delay_seconds Delay
# TYPE holdfast_event_loop_delay_seconds gauge
holdfast_event_loop_delay_seconds{worker="0",quantile="0.99"} 0.012
holdfast_event_loop_delay_seconds{worker="1",quantile="0.99"} 0.003
holdfast_event_loop_delay_seconds{worker="1",quantile="1"} 0.05
holdfast_gc_pause_seconds_bucket{le="0.001",kind="minor"} 10
holdfast_gc_pause_seconds_bucket{le="0.01",kind="minor"} 12
holdfast_gc_pause_seconds_bucket{le="+Inf",kind="minor"} 12
holdfast_gc_pause_seconds_bucket{le="0.001",kind="major"} 0
holdfast_gc_pause_seconds_bucket{le="0.01",kind="major"} 1
holdfast_gc_pause_seconds_bucket{le="+Inf",kind="major"} 1
holdfast_gc_pause_seconds_sum{kind="minor"} 0.02
holdfast_gc_pause_seconds_sum{kind="major"} 0.005
not a metric
`;

test("the worst worker's delay, and all collections", () => {
  const numbers = gatewayNumbers(parseMetrics(TEXT));
  expect(numbers.loopDelayP99Ms).toBeCloseTo(12);
  expect(numbers.loopDelayMaxMs).toBeCloseTo(50);
  expect(numbers.gcSeconds).toBeCloseTo(0.025);
  expect([...numbers.gcBuckets]).toEqual([
    [0.001, 10],
    [0.01, 13],
    [Number.POSITIVE_INFINITY, 13],
  ]);
});

test("the longest pause is the highest bucket that has a new one", () => {
  const before = gatewayNumbers(parseMetrics(TEXT));
  const small = gatewayNumbers(
    parseMetrics(
      TEXT.replace('"0.001",kind="minor"} 10', '"0.001",kind="minor"} 11')
        .replace('"0.01",kind="minor"} 12', '"0.01",kind="minor"} 13')
        .replace('"+Inf",kind="minor"} 12', '"+Inf",kind="minor"} 13'),
    ),
  );
  const none = longestPauseMs(before, before);
  expect([none, longestPauseMs(before, small)]).toEqual([0, 1]);
  expect(longestPauseMs(gatewayNumbers([]), before)).toBe(10);
});

test("labels with quotes and commas", () => {
  expect(parseMetrics('a{b="x,\\"y",c="}"} 1e3')).toEqual([
    { name: "a", labels: { b: 'x,\\"y', c: "}" }, value: 1000 },
  ]);
});
