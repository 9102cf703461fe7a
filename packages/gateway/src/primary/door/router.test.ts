import { ownerPrefix } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Candidate, Router } from "./router.js";

interface Worker extends Candidate {
  sockets: number;
}

function worker(slot: number, changes: Partial<Candidate> = {}): Worker {
  return {
    owner: { slot, generation: 7 },
    state: "ready",
    sockets: 0,
    maxSockets: 1_000_000,
    busy: false,
    stuck: false,
    reaches: true,
    ...changes,
  };
}

const sidOf = (slot: number, generation = 7): string => ownerPrefix({ slot, generation }).padEnd(20, "x");

const anyWorkers = fc
  .array(
    fc.record({
      state: fc.constantFrom("starting", "ready", "draining", "ended") satisfies fc.Arbitrary<
        Candidate["state"]
      >,
      sockets: fc.nat(5),
      maxSockets: fc.nat(5),
      busy: fc.boolean(),
      stuck: fc.boolean(),
      reaches: fc.boolean(),
      generation: fc.nat(2),
    }),
    { maxLength: 6 },
  )
  .map((all) =>
    all.map(({ generation, ...changes }, slot) => worker(slot, { ...changes, owner: { slot, generation } })),
  );

const canTake = ({ state, stuck, sockets, maxSockets }: Candidate): boolean =>
  state === "ready" && !stuck && sockets < maxSockets;

describe("the router", () => {
  it("prefers workers that reach the broker while any that can take sockets does", () => {
    const router = new Router();
    const away = worker(0, { reaches: false });
    const busy = worker(1, { busy: true, sockets: 90_000 });
    expect(router.route([away, busy], undefined)).toBe(busy);
    expect(router.route([away, { ...busy, stuck: true }], undefined)).toBe(away);
    expect(router.route([away, busy], sidOf(0))).toBe(away);
    expect(router.route([away], undefined)).toBe(away);
  });

  it("gives a session to its owner if and only if that very process lives and can take it", () => {
    fc.assert(
      fc.property(anyWorkers, fc.nat(7), fc.nat(2), (workers, slot, generation) => {
        const chosen = new Router().route(workers, sidOf(slot, generation));
        const owner = workers[slot];
        const isOwner = owner !== undefined && owner.owner.generation === generation && canTake(owner);
        if (isOwner) expect(chosen).toBe(owner);
        else expect(chosen === undefined).toBe(!workers.some(canTake));
      }),
    );
  });

  it("gives everything else to one that can take it: with its broker and not busy if there is one, of those the least loaded", () => {
    fc.assert(
      fc.property(anyWorkers, fc.option(fc.string(), { nil: undefined }), (workers, sid) => {
        const all = workers.filter(canTake);
        const able = all.some(({ reaches }) => reaches) ? all.filter(({ reaches }) => reaches) : all;
        const best = able.some(({ busy }) => !busy) ? able.filter(({ busy }) => !busy) : able;
        const chosen = new Router().route(workers, sid);
        if (best.length === 0) return expect(chosen).toBeUndefined();
        expect(best).toContain(chosen);
        expect(chosen?.sockets).toBe(Math.min(...best.map(({ sockets }) => sockets)));
      }),
    );
  });

  it("passes a busy worker by, but not until the others hold much more", () => {
    const router = new Router();
    const workers = [worker(0, { busy: true }), worker(1)];
    const shares = (count: number): number[] => {
      for (let i = 0; i < count; i++) router.route(workers, undefined)!.sockets++;
      return workers.map(({ sockets }) => sockets);
    };
    expect(shares(32)).toEqual([0, 32]);
    const [busy = 0, other = 0] = shares(20_000 - 32);
    expect(other - busy).toBeLessThan(0.05 * 10_000);
    expect(other).toBeGreaterThan(busy);
  });

  it("spreads a burst evenly, whatever the workers had before", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }), fc.nat(100), (loads, burst) => {
        const router = new Router();
        const workers = loads.map((sockets, slot) => worker(slot, { sockets }));
        for (let i = 0; i < burst; i++) {
          const chosen = router.route(workers, undefined);
          if (chosen !== undefined) chosen.sockets++;
        }
        const filled = workers.filter(({ sockets }, slot) => sockets > (loads[slot] ?? 0));
        const counts = filled.map(({ sockets }) => sockets);
        if (counts.length > 0) expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("takes turns among equals that stay equal", () => {
    const router = new Router();
    const workers = [worker(0), worker(1), worker(2)];
    const slots = Array.from({ length: 6 }, () => router.route(workers, undefined)?.owner.slot);
    expect(slots.toSorted()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("does not take a restarted worker for the owner", () => {
    const workers = [worker(0, { sockets: 5 }), worker(1)];
    expect(new Router().route(workers, sidOf(0, 7))?.owner.slot).toBe(0);
    expect(new Router().route(workers, sidOf(0, 8))?.owner.slot).toBe(1);
  });

  it("gives an owner its own also while it is busy, but not while it takes nothing", () => {
    const busy = [worker(0, { busy: true, sockets: 9 }), worker(1)];
    expect(new Router().route(busy, sidOf(0))?.owner.slot).toBe(0);
    const stuck = [worker(0, { stuck: true }), worker(1, { sockets: 9 })];
    expect(new Router().route(stuck, sidOf(0))?.owner.slot).toBe(1);
  });

  it("has no worker while there is none", () => {
    expect(new Router().route([], undefined)).toBeUndefined();
    expect(new Router().route([worker(0, { state: "starting" })], sidOf(0))).toBeUndefined();
  });
});
