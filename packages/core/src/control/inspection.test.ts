import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { memoryWorld } from "../testing/core-world.js";
import { mergeChannels } from "./inspection.js";

describe("what is told of channels and connections", () => {
  test("comes in pages, by name, and only of those with a listener", async () => {
    const world = memoryWorld();
    const a = await world.subscribed("b", "c", "a", "pre:1");
    await world.subscribed("b", "pre:2");
    const page = (after: string, limit = 2, prefix = "") =>
      world.core.inspector.channels({ prefix, after, limit });
    expect(page("")).toEqual([
      { channel: "a", subscribers: 1 },
      { channel: "b", subscribers: 2 },
    ]);
    expect(page("b")).toEqual([
      { channel: "c", subscribers: 1 },
      { channel: "pre:1", subscribers: 1 },
    ]);
    expect(page("", 10, "pre:")).toHaveLength(2);
    a.gone();
    expect(page("", 10).map(({ channel }) => channel)).toEqual(["b", "pre:2"]);
  });

  test("names sessions, their user and their channels, ten at most", async () => {
    const world = memoryWorld();
    const one = await world.subscribed(...Array.from({ length: 12 }, (_, n) => `c${n}`));
    world.client();
    const two = await world.subscribed();
    const all = world.core.inspector.sessions({ after: "", limit: 10 });
    expect(all.map(({ session }) => session)).toEqual([one.connection.id, two.connection.id]);
    expect(all[0]).toMatchObject({ subscriptions: 12, channels: expect.any(Array) });
    expect(all[0]?.channels).toHaveLength(10);
    expect(world.core.inspector.sessions({ after: one.connection.id, limit: 10 })).toEqual([all[1]]);
    expect(world.core.inspector.sessions({ user: "nobody", after: "", limit: 10 })).toEqual([]);
  });

  test("pages of several workers together miss nothing and repeat nothing", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(names, { maxLength: 4 }), fc.integer({ min: 1, max: 5 }), (workers, limit) => {
        const parts = workers.map((each) => [...each].sort((a, b) => (a < b ? -1 : 1)));
        const seen: string[] = [];
        for (let after = ""; ; ) {
          const lists = parts.map((part) =>
            part
              .filter((channel) => channel > after)
              .slice(0, limit)
              .map((channel) => ({ channel, subscribers: 1 })),
          );
          const merged = mergeChannels(lists, limit);
          for (const { channel, subscribers } of merged) {
            seen.push(channel);
            expect(subscribers).toBe(workers.filter((each) => each.includes(channel)).length);
          }
          if (merged.length < limit) break;
          after = merged.at(-1)?.channel ?? "";
        }
        expect(seen).toEqual([...new Set(workers.flat())].sort((a, b) => (a < b ? -1 : 1)));
      }),
    );
  });
});
