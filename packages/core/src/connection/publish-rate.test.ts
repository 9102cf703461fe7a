import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PublishRate } from "./publish-rate.js";

const OPTIONS = {
  publishBytesPerSecond: 1000,
  namespacePublishBytesPerSecond: 3000,
  namespaces: { small: { publishBytesPerSecond: 500 }, own: {} },
};

describe("the byte rate of publishing", () => {
  test("lets two seconds' worth pass at once, and then as much as the rate earns", () => {
    const rate = new PublishRate(OPTIONS);
    const connection = {};
    for (let i = 0; i < 4; i++) expect(rate.take(connection, "own:a", 500, 0)).toBe(true);
    expect(rate.take(connection, "own:a", 1, 0)).toBe(false);
    expect(rate.take(connection, "own:a", 500, 100)).toBe(true);
    expect(rate.take(connection, "own:a", 500, 200)).toBe(false);
    expect(rate.take(connection, "own:a", 500, 501)).toBe(true);
  });

  test("lets one that is larger than the bucket pass, and what follows wait for it", () => {
    const rate = new PublishRate({ ...OPTIONS, namespacePublishBytesPerSecond: 1e9 });
    const connection = {};
    expect(rate.take(connection, "own:a", 5000, 0)).toBe(true);
    expect(rate.take(connection, "own:a", 1, 2999)).toBe(false);
    expect(rate.take(connection, "own:a", 1, 3001)).toBe(true);
  });

  test("a namespace bounds what its publishers send together, by its own limit or the one for all", () => {
    const rate = new PublishRate(OPTIONS);
    const pass = (channel: string): number =>
      Array.from({ length: 20 }, () => rate.take({}, channel, 500, 0)).filter(Boolean).length;
    expect(pass("small:a")).toBe(2);
    expect(pass("own:a")).toBe(12);
  });

  test("names without options share one limit: a client gains nothing by a new one", () => {
    const rate = new PublishRate(OPTIONS);
    let passed = 0;
    for (let i = 0; i < 100; i++) if (rate.take({}, `made-up-${i}:a`, 500, 0)) passed++;
    expect(passed).toBe(12);
    expect(rate.take({}, "constructor:a", 1, 0)).toBe(false);
  });

  test("what a namespace refuses costs the connection nothing", () => {
    const rate = new PublishRate(OPTIONS);
    rate.take({}, "small:a", 1000, 0);
    const connection = {};
    for (let i = 0; i < 10; i++) expect(rate.take(connection, "small:a", 500, 0)).toBe(false);
    expect(rate.take(connection, "own:a", 2000, 0)).toBe(true);
  });

  test("over any stretch no more passes than the rate, a bucket and one publication", () => {
    const publication = fc.record({
      client: fc.nat(3),
      bytes: fc.integer({ min: 1, max: 4000 }),
      afterMs: fc.nat(1500),
    });
    fc.assert(
      fc.property(fc.array(publication, { maxLength: 80 }), (publications) => {
        const rate = new PublishRate(OPTIONS);
        const clients = [{}, {}, {}, {}];
        const passed = [0, 0, 0, 0];
        let now = 0;
        let largest = 0;
        for (const { client, bytes, afterMs } of publications) {
          now += afterMs;
          largest = Math.max(largest, bytes);
          if (rate.take(clients[client] ?? {}, "own:a", bytes, now))
            passed[client] = (passed[client] ?? 0) + bytes;
          const seconds = now / 1000;
          for (const each of passed) expect(each).toBeLessThanOrEqual((seconds + 2) * 1000 + largest);
          const together = passed.reduce((sum, each) => sum + each, 0);
          expect(together).toBeLessThanOrEqual((seconds + 2) * 3000 + largest);
        }
      }),
    );
  });
});
