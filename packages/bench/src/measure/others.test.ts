import { expect, test } from "@jest/globals";
import { busyTicks, OthersWatch } from "./others.js";

test("counts who works, and what the hypervisor kept, but neither idling nor interrupts", () => {
  expect(busyTicks("cpu  100 20 30 5000 600 7 8 9 0 0\ncpu0 1 1 1\n")).toBe(159);
});

test("is a share of the machine", () => {
  const percent = new OthersWatch().percent();
  expect(percent).toBeGreaterThanOrEqual(0);
});
