import { describe, expect, it } from "@jest/globals";
import { DEFAULT_PATIENCE_MS } from "./decision.js";
import { type BalancerKind, SimFleet, type SimFleetOptions } from "./testing/sim-fleet.js";

const RULES = { automatic: true, rate: 0.01, patienceMs: DEFAULT_PATIENCE_MS };
const TEN_SECONDS = 10_000;
const MINUTE = 60_000;
const PER_INSTANCE = 4_000;

type Scene = Pick<SimFleetOptions, "instances" | "slow"> & {
  readonly joining: number;
  readonly name: string;
};

const SCENES: readonly Scene[] = [
  { name: "3 instances become 4", instances: 3, joining: 1 },
  { name: "10 instances become 12", instances: 10, joining: 2 },
  { name: "3 instances become 4, of which one is slow", instances: 3, joining: 1, slow: 1 },
  { name: "3 instances become 4, of which the new one is slow", instances: 3, joining: 1, slow: 3 },
];
const KINDS: readonly BalancerKind[] = ["flow hash", "least outstanding", "random"];

const CASES = SCENES.flatMap((scene) => KINDS.map((kind) => [scene.name, kind, scene] as const));

describe("a fleet behind a load balancer, in a simulated hour", () => {
  it.each(CASES)("%s, by %s: even within 5 minutes, and still then", (_, kind, scene) => {
    const clients = scene.instances * PER_INSTANCE;
    const fleet = new SimFleet({ ...scene, kind, clients, rules: RULES, seed: 42 });
    fleet.run(5 * MINUTE);
    const before = fleet.shedSince(0);
    expect(before).toBe(0);
    fleet.grow(scene.joining);
    const joinedAt = fleet.now;

    fleet.run(5 * MINUTE);
    expect(fleet.spread).toBeLessThanOrEqual(0.1);

    let worst = 0;
    fleet.run(55 * MINUTE, () => {
      worst = Math.max(worst, fleet.spread);
    });
    expect(worst).toBeLessThanOrEqual(0.1);
    expect(fleet.total).toBe(clients);
    // No ping-pong: the round has few stragglers, and no other one begins.
    expect(fleet.shedSince(joinedAt + 6 * MINUTE)).toBeLessThan(clients / 200);
    expect(fleet.shedSince(joinedAt + 11 * MINUTE)).toBe(0);
    expect(fleet.moves.reduce((most, each) => Math.max(most, each), 0)).toBeLessThanOrEqual(1);
    expect(fleet.worstRate(TEN_SECONDS)).toBeLessThanOrEqual(RULES.rate);
  });
});
