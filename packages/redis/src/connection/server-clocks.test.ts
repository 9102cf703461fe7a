import { FakeClock } from "@holdfast/core/testing";
import { expect, test } from "@jest/globals";
import type { Redis } from "ioredis";
import { ServerClocks } from "./server-clocks.js";

function create() {
  const clock = new FakeClock();
  const clocks = new ServerClocks(clock);
  /** A server that shows `ms`, and answers after `tookMs`. */
  const server = (port: number, ms: number, tookMs = 0): Redis => {
    const time = async (): Promise<string[]> => {
      clock.advance(tookMs);
      return [String(Math.floor(ms / 1000)), String((ms % 1000) * 1000)];
    };
    return { options: { host: "h", port }, time } as unknown as Redis;
  };
  return { clock, clocks, server };
}

test("a deadline is said by the clock of the server that has it, and none by one that is not known", async () => {
  const { clock, clocks, server } = create();
  const now = clock.monotonic();
  const [one, two] = [server(1, 1_700_000_000_000), server(2, 1_600_000_000_250)];
  expect(clocks.deadline(one, now + 5000)).toBe("0");
  expect(clocks.deadline(undefined, now + 5000)).toBe("0");
  await Promise.all([clocks.ask(one), clocks.ask(two)]);
  expect(clocks.deadline(one, now + 5000)).toBe("1700000005000");
  expect(clocks.deadline(two, now + 5000)).toBe("1600000005250");
});

test("what an answer took makes the deadline earlier, and an answer that took too long says nothing", async () => {
  const { clock, clocks, server } = create();
  await clocks.ask(server(1, 1_700_000_000_000, 300));
  expect(clocks.deadline(server(1, 0), clock.monotonic() + 5000)).toBe("1700000005000");
  const before = clocks.deadline(server(1, 0), clock.monotonic());
  await clocks.ask(server(1, 1_500_000_000_000, 1001));
  expect(clocks.deadline(server(1, 0), clock.monotonic() - 1001)).toBe(before);
});

test("a server that refuses to say keeps what is known of it", async () => {
  const { clock, clocks, server } = create();
  await clocks.ask(server(1, 1_700_000_000_000));
  const refusing = { options: { host: "h", port: 1 }, time: () => Promise.reject(new Error("NOPERM")) };
  await clocks.ask(refusing as unknown as Redis);
  expect(clocks.deadline(server(1, 0), clock.monotonic())).toBe("1700000000000");
});
