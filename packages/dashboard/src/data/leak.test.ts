import { expect, it } from "@jest/globals";
import type { HourPoint } from "./last-hour.js";
import { leakOf } from "./leak.js";

/** A point a second, with so many topics and connections. */
const points = (topics: (second: number) => number, connections: (second: number) => number = () => 50) =>
  Array.from({ length: 60 }, (_, at) => ({
    at,
    topics: topics(at),
    connections: connections(at),
  })) as unknown as HourPoint[];

it.each([
  [
    "channels that only grow, while connections do not",
    points((s) => 100 + 2 * s),
    { more: 118, seconds: 59 },
  ],
  ["those that began to", points((s) => 100 + Math.max(0, s - 30) * 5), { more: 145, seconds: 59 }],
  [
    "behind a moment of growth in connections",
    points(
      (s) => 10 * s,
      (s) => 50 + s,
    ),
    { more: 590, seconds: 59 },
  ],
])("is found in %s", (_what, of, expected) => {
  expect(leakOf(of)).toMatchObject(expected);
});

it.each([
  ["channels that stay", points(() => 1000)],
  ["channels that come and go", points((s) => 1000 + 100 * (s % 3))],
  ["one step of growth", points((s) => (s < 30 ? 100 : 900))],
  [
    "new connections, each with a few channels",
    points(
      (s) => 3 * s,
      (s) => s,
    ),
  ],
  ["a few more of many channels", points((s) => 100_000 + s)],
  ["a page that was just opened", points((s) => 100 * s).slice(0, 5)],
  ["nothing", []],
])("is not found in %s", (_what, of) => {
  expect(leakOf(of)).toBeUndefined();
});
