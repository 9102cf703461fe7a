import { channelTopic } from "@holdfast/core";
import { expect, test } from "@jest/globals";
import { RefusedChannels } from "./refused-channels.js";

function create() {
  let now = 1000;
  const refused = new RefusedChannels({ now: () => now, delayMs: (sweeps) => 10 * (sweeps + 1) });
  const pass = (ms: number): void => {
    now += ms;
  };
  return { refused, pass };
}

test("without refused channels each take begins at the beginning, and waits as long as it may", () => {
  const { refused } = create();
  refused.end("7-0", true);
  expect(refused.begin()).toBe("0");
  refused.end(">", true);
  expect([refused.begin(), refused.patience(500)]).toEqual(["0", 500]);
});

test("with one the sweep goes on, and begins again some time after its end, later each time", () => {
  const { refused, pass } = create();
  refused.add(channelTopic("a"));
  refused.end("7-0", true);
  expect(refused.begin()).toBe("7-0");
  pass(1_000_000);
  expect(refused.begin()).toBe("7-0");
  refused.end(">", true);
  expect([refused.begin(), refused.patience(500)]).toEqual([">", 10]);
  pass(10);
  expect(refused.begin()).toBe("0");
  expect(refused.has(channelTopic("a"))).toBe(false);
  refused.add(channelTopic("a"));
  refused.end(">", true);
  expect(refused.patience(500)).toBe(20);
});

test("what was not done is looked at again, without the refused channels", () => {
  const { refused } = create();
  refused.add(channelTopic("a"));
  refused.end("7-0", true);
  refused.end("9-0", false);
  expect([refused.begin(), refused.size]).toEqual(["0", 1]);
});

test("their number is bounded, and all are forgotten with a reset", () => {
  const { refused } = create();
  for (let i = 1; i < 10_000; i++) refused.add(channelTopic(`n${i}`));
  expect(refused.isFull).toBe(false);
  refused.add(channelTopic("n0"));
  expect(refused.isFull).toBe(true);
  refused.end("7-0", true);
  refused.reset();
  expect([refused.size, refused.begin()]).toEqual([0, "0"]);
});
