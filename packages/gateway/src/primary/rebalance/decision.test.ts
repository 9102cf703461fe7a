import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  asked,
  type ClusterLoad,
  DECISION_MS,
  DEFAULT_PATIENCE_MS,
  decide,
  type InstanceLoad,
  interrupted,
  LOAD_STATES,
  loadShares,
  MAX_ROUND_MS,
  NEW_MEMORY,
  type PeerLoad,
  REST_MS,
  type RebalanceDecision,
  type RebalanceMemory,
  type RebalanceRules,
  settleMs,
  stopAt,
} from "./decision.js";

const SUSTAIN_MS = DEFAULT_PATIENCE_MS;
const SETTLE_MS = settleMs(SUSTAIN_MS);
const RULES: RebalanceRules = { automatic: true, rate: 0.01, patienceMs: DEFAULT_PATIENCE_MS };

function load(instance: string, connections: number, more: Partial<InstanceLoad> = {}): InstanceLoad {
  return { instance, state: "serving", connections, capacity: 100_000, weight: 1, away: 0, ...more };
}

function peer(instance: string, connections: number, more: Partial<PeerLoad> = {}): PeerLoad {
  return { ageMs: 0, ...load(instance, connections), ...more };
}

function cluster(own: number, ...peers: readonly number[]): ClusterLoad {
  return {
    own: load("own", own),
    peers: peers.map((each, n) => peer(`p${n}`, each)),
    unreadable: [],
  };
}

/** One instance that decides again and again. */
class Decider {
  memory: RebalanceMemory = NEW_MEMORY;
  now = 1_000_000;
  readonly rules: RebalanceRules;

  constructor(rules = RULES) {
    this.rules = rules;
  }

  decide(view: ClusterLoad): RebalanceDecision {
    this.now += DECISION_MS;
    const decision = decide(this.memory, view, this.rules, this.now);
    this.memory = decision.memory;
    return decision;
  }

  /** What it gives away in that time. */
  during(ms: number, view: ClusterLoad): number {
    let shed = 0;
    for (const end = this.now + ms; this.now < end; ) shed += this.decide(view).shed;
    return shed;
  }

  ask(): this {
    this.memory = asked(this.memory, this.now);
    return this;
  }
}

/** Asked, and all is calm. */
function ready(view: ClusterLoad, rules = RULES): Decider {
  const decider = new Decider(rules);
  decider.during(SETTLE_MS, view);
  return decider.ask();
}

describe("the decision of a rebalance", () => {
  it("gives away what is above the share, at the rate, and stops just above it", () => {
    const view = cluster(10_000, 10_000, 10_000, 0);
    const decider = ready(view);
    expect(decider.decide(view)).toMatchObject({ shed: 200, share: 7_500 });
    expect(decider.decide(view).shed).toBe(200);
    expect(decider.decide(cluster(7_600, 10_000, 10_000, 2_400)).shed).toBe(25);
    expect(decider.decide(cluster(7_575, 7_575, 7_575, 7_275)).shed).toBe(0);
    expect(decider.memory.phase).toMatchObject({ t: "resting" });
  });

  it("begins unasked only after half a minute above the share, and never where that is off", () => {
    const view = cluster(10_000, 10_000, 10_000, 0);
    const automatic = new Decider();
    expect(automatic.during(SETTLE_MS + SUSTAIN_MS - DECISION_MS, view)).toBe(0);
    expect(automatic.during(2 * DECISION_MS, view)).toBeGreaterThan(0);
    const manual = new Decider({ ...RULES, automatic: false });
    expect(manual.during(3_600_000, view)).toBe(0);
    expect(manual.ask().decide(view).shed).toBeGreaterThan(0);
  });

  it("begins sooner, and moves younger clients, where the patience is less", () => {
    const view = cluster(10_000, 10_000, 10_000, 0);
    const hasty = new Decider({ ...RULES, patienceMs: 6_000 });
    expect(hasty.during(2_000 + 6_000, view)).toBe(0);
    const first = hasty.decide(view);
    expect(first.shed).toBeGreaterThan(0);
    expect(first.minAgeMs).toBe(12_000);
  });

  it("leaves small differences alone, and forgets a wish that finds nothing to do", () => {
    const view = cluster(7_800, 7_500, 7_400, 7_300);
    const decider = ready(view, { ...RULES, automatic: false });
    expect(decider.during(60_000, view)).toBe(0);
    expect(decider.during(60_000, cluster(10_000, 7_500, 7_400, 7_300))).toBe(0);
  });

  it("gives one client at a time where a hundredth is less than one", () => {
    const view = cluster(60, 10, 10);
    const decider = ready(view);
    const sheds = Array.from({ length: 10 }, () => decider.decide(view).shed);
    expect(sheds.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(Math.ceil(60 * 0.01 * 20) + 1);
    expect(new Set(sheds)).toEqual(new Set([1]));
  });

  const GOOD = cluster(10_000, 10_000, 0);
  it.each<[string, ClusterLoad, object]>([
    ["it is alone", cluster(10_000), { why: "alone" }],
    ["it drains", { ...GOOD, own: load("own", 10_000, { state: "draining" }) }, { why: "draining" }],
    ["it reloads", { ...GOOD, own: load("own", 10_000, { state: "reloading" }) }, { why: "reloading" }],
    [
      "its workers or its broker are away",
      { ...GOOD, own: load("own", 10_000, { state: "unready" }) },
      { why: "unready" },
    ],
    [
      "another one drains",
      { ...GOOD, peers: [peer("p", 0, { state: "draining" })] },
      { why: "draining", of: "p" },
    ],
    [
      "another one reloads",
      { ...GOOD, peers: [peer("p", 0, { state: "reloading" })] },
      { why: "reloading", of: "p" },
    ],
    [
      "another one was not heard for long",
      { ...GOOD, peers: [peer("p", 0, { ageMs: 5_001 })] },
      { why: "late", of: "p" },
    ],
    ["another one says nonsense", { ...GOOD, unreadable: ["p"] }, { why: "unreadable", of: "p" }],
    ["an instance has just joined", cluster(10_000, 10_000, 0, 0), { why: "settling" }],
    ["an instance has just gone", cluster(10_000, 0), { why: "settling" }],
  ])("gives nothing while %s, and waits a moment afterwards", (_, trouble, hold) => {
    const decider = ready(GOOD);
    expect(decider.decide(GOOD).shed).toBeGreaterThan(0);
    expect(decider.decide(trouble)).toMatchObject({ shed: 0, hold });
    expect(decider.decide(GOOD)).toMatchObject({ shed: 0, hold: { why: "settling" } });
    expect(decider.during(SETTLE_MS, GOOD)).toBeGreaterThan(0);
  });

  it("waits a moment after what others say could not be had, and saves nothing up", () => {
    const decider = ready(GOOD);
    const { shed } = decider.decide(GOOD);
    decider.now += 300_000;
    decider.memory = interrupted(decider.memory);
    expect(decider.during(SETTLE_MS, GOOD)).toBe(0);
    expect(decider.decide(GOOD).shed).toBeLessThanOrEqual(shed + 1);
  });

  it("counts those on their way, so that it does not take the mean for lower than it is", () => {
    const view = cluster(7_700, 7_000, 7_000);
    expect(loadShares(view)[0]).toBeLessThan(7_300);
    const away = { ...view, peers: view.peers.map((each) => ({ ...each, away: 700 })) };
    expect(loadShares(away)[0]).toBeGreaterThanOrEqual(7_700);
    expect(ready(away).during(10_000, away)).toBe(0);
  });

  it("leaves to full instances what they hold: their share is their capacity", () => {
    const small = { ...peer("small", 1_000), capacity: 1_000 };
    const view: ClusterLoad = {
      own: load("own", 5_500),
      peers: [small, peer("large", 5_500)],
      unreadable: [],
    };
    expect(loadShares(view)).toEqual([5_500, 1_000, 5_500]);
    expect(ready(view).during(60_000, view)).toBe(0);
    const full: ClusterLoad = {
      own: load("own", 1_000, { capacity: 1_000 }),
      peers: [small, { ...peer("p", 500), capacity: 500 }],
      unreadable: [],
    };
    expect(ready(full).during(60_000, full)).toBe(0);
  });

  it("rests longer each time where clients come back all the same, but not when it is asked", () => {
    const view = cluster(10_000, 10_000, 0);
    const decider = new Decider();
    const rounds: number[] = [];
    let last = "idle";
    for (const end = decider.now + 4 * 3_600_000; decider.now < end; ) {
      decider.decide(view);
      const { t } = decider.memory.phase;
      if (t === "shedding" && last !== t) rounds.push(decider.now);
      last = t;
    }
    const gaps = rounds.slice(1).map((at, n) => at - (rounds[n] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    for (const [n, gap] of gaps.entries())
      expect(gap).toBeGreaterThan(MAX_ROUND_MS + REST_MS * 2 ** (n + 1) - 1);
    while (decider.memory.phase.t !== "resting") decider.decide(view);
    expect(decider.ask().during(2 * DECISION_MS, view)).toBeGreaterThan(0);
  });

  it("lets those stay that came after the round began, as they have been moved already", () => {
    const view = cluster(10_000, 10_000, 0);
    const decider = ready(view);
    expect(decider.decide(view).minAgeMs).toBe(0);
    expect(decider.decide(view).minAgeMs).toBe(DECISION_MS);
  });
});

const COUNT = fc.integer({ min: 0, max: 50_000 });
const LOAD = fc.record({
  state: fc.constantFrom(...LOAD_STATES, ...new Array<"serving">(12).fill("serving")),
  connections: COUNT,
  capacity: fc.integer({ min: 0, max: 60_000 }),
  weight: fc.constantFrom(0.5, 1, 1, 1, 2),
  away: fc.constantFrom(0, 0, 0, 500),
  ageMs: fc.constantFrom(0, 1_000, 4_999, 5_000, 5_001, 60_000, 0, 0),
});

describe("whatever instances say", () => {
  it("shares make the total, and none is above its capacity", () => {
    fc.assert(
      fc.property(fc.array(LOAD, { minLength: 1, maxLength: 12 }), (loads) => {
        const [own, ...peers] = loads.map((each, n) => ({ ...each, instance: `i${n}` }));
        if (own === undefined) return;
        const shares = loadShares({ own, peers, unreadable: [] });
        const total = loads.reduce((sum, { connections, away }) => sum + connections + away, 0);
        const room = loads.reduce((sum, { capacity }) => sum + capacity, 0);
        const sum = shares.reduce((all, each) => all + each, 0);
        expect(sum).toBeCloseTo(Math.min(total, room), 3);
        for (const [n, share] of shares.entries()) expect(share).toBeLessThanOrEqual(loads[n]?.capacity ?? 0);
      }),
    );
  });

  it("no instance falls below its share, gives more than its rate, or gives in a drain, reload or silence", () => {
    const step = fc.record({
      own: LOAD,
      peers: fc.array(LOAD, { maxLength: 4 }),
      isAsked: fc.boolean(),
      isCut: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      unreadable: fc.integer({ min: 0, max: 19 }).map((n) => (n === 0 ? ["x"] : [])),
      repeats: fc.integer({ min: 1, max: 12 }),
      elapsed: fc.constantFrom(0, 1, DECISION_MS, DECISION_MS, DECISION_MS, 60_000),
    });
    let given = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.boolean(), (steps, automatic) => {
        let memory = NEW_MEMORY;
        let now = 0;
        let calmSince = Number.POSITIVE_INFINITY;
        let members = "";
        for (const { own, peers, isAsked, isCut, unreadable, repeats, elapsed } of steps) {
          if (isCut) {
            memory = interrupted(memory);
            calmSince = Number.POSITIVE_INFINITY;
          }
          const view: ClusterLoad = {
            own: { ...own, instance: "own" },
            peers: peers.map((each, n) => ({ ...each, instance: `p${n}` })),
            unreadable,
          };
          for (let n = 0; n < repeats; n++) {
            now += elapsed;
            if (isAsked) memory = asked(memory, now);
            const isCalm =
              unreadable.length === 0 &&
              peers.length > 0 &&
              [own, ...peers].every(({ state }) => state === "serving") &&
              peers.every(({ ageMs }) => ageMs <= 5_000);
            const who = String(peers.length);
            if (!isCalm || who !== members || calmSince === Number.POSITIVE_INFINITY) calmSince = now;
            members = who;
            const decision = decide(memory, view, { ...RULES, automatic }, now);
            memory = decision.memory;
            expect(decision.shed).toBeGreaterThanOrEqual(0);
            expect(Number.isInteger(decision.shed)).toBe(true);
            if (decision.shed === 0) continue;
            given++;
            expect(isCalm && now - calmSince >= SETTLE_MS).toBe(true);
            expect(own.connections - decision.shed).toBeGreaterThanOrEqual(decision.share);
            expect(own.connections - decision.shed).toBeGreaterThanOrEqual(stopAt(decision.share));
            expect(decision.shed).toBeLessThanOrEqual(Math.max(1, own.connections * 0.02));
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(given).toBeGreaterThan(0);
  });

  it("all that decide at once together give no more than the others lack", () => {
    fc.assert(
      fc.property(fc.array(COUNT, { minLength: 2, maxLength: 12 }), (counts) => {
        const loads = counts.map((each, n) => peer(`i${n}`, each));
        const shares = loadShares({ own: loads[0] as PeerLoad, peers: loads.slice(1), unreadable: [] });
        const given = counts.reduce((sum, each, n) => sum + Math.max(0, each - stopAt(shares[n] ?? 0)), 0);
        const lacking = counts.reduce((sum, each, n) => sum + Math.max(0, (shares[n] ?? 0) - each), 0);
        expect(given).toBeLessThanOrEqual(lacking + 1e-6);
      }),
    );
  });
});
