/**
 * How the checks of a gateway read its settings and what it says of itself.
 */
import { type Fact, known, within } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import type { RunningFacts, SettingsFacts } from "../facts/gateway.js";

export const settings = ({ gateway }: Facts): Fact<SettingsFacts> => gateway.settings;
export const running = ({ gateway }: Facts): Fact<RunningFacts> => gateway.running;

/** A number that a running gateway tells. */
export function told(pick: (running: RunningFacts) => Fact<number>): (facts: Facts) => Fact<number> {
  return ({ gateway }) => within(gateway.running, pick);
}

export const idleTimeout = ({ gateway }: Facts): Fact<number> => known(gateway.idleTimeoutMs);

/** `25 s`. */
export function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
