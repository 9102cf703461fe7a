import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { brokerReached } from "./broker-wait.js";

describe("the wait for the broker", () => {
  it("ends at once where it is reached, with the broker, or after its time", async () => {
    const clock = new FakeClock();
    let isReached = true;
    expect(await brokerReached(() => isReached, 700, clock)).toBe(true);

    isReached = false;
    const seen: string[] = [];
    void brokerReached(() => isReached, 700, clock).then((reached) => seen.push(`first ${reached}`));
    void brokerReached(() => false, 1_400, clock).then((reached) => seen.push(`second ${reached}`));
    clock.advance(690);
    await Promise.resolve();
    expect(seen).toEqual([]);
    isReached = true;
    clock.advance(10);
    await Promise.resolve();
    expect(seen).toEqual(["first true"]);
    clock.advance(700);
    await Promise.resolve();
    expect(seen).toEqual(["first true", "second false"]);
    clock.advance(5_000);
    await Promise.resolve();
    expect(seen).toHaveLength(2);
  });
});
