import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EventQueue, type QueuedEvent } from "./event-queue.js";

const event = (name: string, bytes = 1, awaited = false): QueuedEvent => ({
  fields: [name],
  bytes,
  settle: awaited ? () => {} : undefined,
});
const names = (events: readonly QueuedEvent[]) => events.map(({ fields }) => fields[0]);
const rest = (queue: EventQueue) => names(queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));

describe("the queue of events", () => {
  it("lets the oldest go beyond its number, and beyond its bytes", () => {
    const queue = new EventQueue(3, 10);
    for (const name of ["a", "b", "c"]) expect(queue.push(event(name))).toEqual([]);
    expect(names(queue.push(event("d")))).toEqual(["a"]);
    expect(names(queue.push(event("e", 9)))).toEqual(["b", "c"]);
    expect(rest(queue)).toEqual(["d", "e"]);
  });

  it("lets one go that is too large for it", () => {
    const queue = new EventQueue(3, 10);
    expect(names(queue.push(event("a", 11)))).toEqual(["a"]);
    expect(queue.size).toBe(0);
  });

  it("takes a batch of so many bytes and one beyond", () => {
    const queue = new EventQueue(10, 100);
    for (const name of ["a", "b", "c"]) queue.push(event(name, 5));
    expect(names(queue.take(10, 6))).toEqual(["a", "b"]);
    expect(names(queue.take(1, 100))).toEqual(["c"]);
    expect(queue.take(10, 100)).toEqual([]);
  });

  it("takes out what is awaited, wherever it stands", () => {
    const queue = new EventQueue(10, 100);
    queue.push(event("a"));
    queue.push(event("b", 1, true));
    queue.push(event("c"));
    expect(names(queue.takeAwaited())).toEqual(["b"]);
    expect(rest(queue)).toEqual(["a", "c"]);
  });

  it("is an array with bounds, whatever is done to it", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("push" as const), bytes: fc.nat(6), awaited: fc.boolean() }),
      fc.record({ do: fc.constant("take" as const), events: fc.nat(4), bytes: fc.nat(12) }),
      fc.record({ do: fc.constant("take and put back" as const), events: fc.nat(4) }),
      fc.record({ do: fc.constant("take awaited" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new EventQueue(5, 12);
        let model: QueuedEvent[] = [];
        const trim = (): readonly QueuedEvent[] => {
          const gone: QueuedEvent[] = [];
          while (model.length > 5 || model.reduce((sum, { bytes }) => sum + bytes, 0) > 12)
            gone.push(model.shift() as QueuedEvent);
          return gone;
        };
        const take = (events: number, most: number): QueuedEvent[] => {
          const taken: QueuedEvent[] = [];
          for (let bytes = 0; taken.length < events && bytes < most && model.length > 0; ) {
            const first = model.shift() as QueuedEvent;
            bytes += first.bytes;
            taken.push(first);
          }
          return taken;
        };
        for (const [i, each] of steps.entries()) {
          switch (each.do) {
            case "push": {
              const one = event(`${i}`, each.bytes, each.awaited);
              model.push(one);
              expect(queue.push(one)).toEqual(trim());
              break;
            }
            case "take":
              expect(queue.take(each.events, each.bytes)).toEqual(take(each.events, each.bytes));
              break;
            case "take and put back": {
              const taken = take(each.events, 100);
              model = [...taken, ...model];
              expect(queue.putBack(queue.take(each.events, 100))).toEqual(trim());
              break;
            }
            case "take awaited":
              expect(queue.takeAwaited()).toEqual(model.filter(({ settle }) => settle !== undefined));
              model = model.filter(({ settle }) => settle === undefined);
          }
          expect(queue.size).toBe(model.length);
        }
        expect(rest(queue)).toEqual(names(model));
      }),
    );
  });
});
