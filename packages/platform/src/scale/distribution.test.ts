import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { channelClasses, type DistributionInput, meanFanOut, meanInterested } from "./distribution.js";

const EVEN: DistributionInput = {
  connections: 10_000,
  channels: 100,
  channelsPerConnection: 2,
  distribution: { kind: "uniform" },
  publishedTo: "evenly",
};

describe("a distribution", () => {
  test("uniform: one class", () => {
    expect(channelClasses(EVEN)).toEqual([{ channels: 100, subscribers: 200, publicationShare: 1 }]);
  });

  test("by Zipf's law it is that of its ranks, one by one", () => {
    const [channels, connections] = [5_000, 1_000_000];
    const weights = Array.from({ length: channels }, (_, rank) => 1 / (rank + 1));
    const all = weights.reduce((sum, each) => sum + each, 0);
    const subscribers = weights.map((each) => (connections * each) / all);
    const bySubscribers = subscribers.reduce((sum, each) => sum + each ** 2, 0) / connections;
    const input = { connections, channels, channelsPerConnection: 1 } as const;
    const zipf = { ...input, distribution: { kind: "zipf", exponent: 1 } } as const;
    const fanOut = meanFanOut(channelClasses({ ...zipf, publishedTo: "by-subscribers" }));
    expect(Math.abs(fanOut / bySubscribers - 1)).toBeLessThan(0.01);
    const even = meanFanOut(channelClasses({ ...zipf, publishedTo: "evenly" }));
    expect(Math.abs(even / (connections / channels) - 1)).toBeLessThan(0.01);
  });

  test("shares add up, and no channel has more subscribers than there are connections", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e8 }),
        fc.integer({ min: 1, max: 1e7 }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        fc.constantFrom("evenly" as const, "by-subscribers" as const),
        (connections, channels, channelsPerConnection, exponent, publishedTo) => {
          const input = { connections, channels, channelsPerConnection, publishedTo };
          const classes = channelClasses({ ...input, distribution: { kind: "zipf", exponent } });
          expect(classes.length).toBeLessThan(300);
          expect(classes.reduce((sum, each) => sum + each.channels, 0)).toBe(channels);
          expect(classes.reduce((sum, each) => sum + each.publicationShare, 0)).toBeCloseTo(1, 6);
          for (const each of classes) expect(each.subscribers).toBeLessThanOrEqual(connections);
        },
      ),
    );
  });
});

test("of places with a subscriber there are never more than places, nor than subscribers", () => {
  const broadcast = channelClasses({ ...EVEN, distribution: { kind: "broadcast" } });
  expect(meanInterested(broadcast, 16)).toBeCloseTo(16, 6);
  const rooms = channelClasses({ ...EVEN, channels: 10_000 });
  expect(meanInterested(rooms, 1_000)).toBeLessThanOrEqual(2);
  expect(meanInterested(rooms, 1)).toBeCloseTo(1, 6);
});
