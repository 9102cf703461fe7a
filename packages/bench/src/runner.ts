/**
 * Runs a scenario and gathers what it records.
 *
 * Its runs alternate between peers: all of them once, then all of them again. A peer that fails
 * is named with the reason; the others go on.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "./measure/machine.js";
import { OthersWatch } from "./measure/others.js";
import type { Measurement, Missing } from "./result.js";
import type { RunContext, Scenario } from "./scenario.js";

export interface RunnerOptions {
  readonly quick: boolean;
  /** Unset: what each scenario thinks right. */
  readonly runs: number | undefined;
  /** Only these peers and ours; unset: all. */
  readonly peers: readonly string[] | undefined;
  readonly say: (line: string) => void;
}

export interface Gathered {
  readonly measurements: readonly Measurement[];
  readonly missing: readonly Missing[];
}

/** After a server has ended: the kernel still closes its sockets. */
const BREATHER_MS = 300;

export async function runScenario(scenario: Scenario, options: RunnerOptions): Promise<Gathered> {
  const measurements: Measurement[] = [];
  const missing: Missing[] = [];
  const say = options.say;
  const runs = options.quick ? 1 : (options.runs ?? scenario.defaultRuns);
  const noteMissing = (peer: string, reason: string): void => {
    const known = missing.some((each) => each.scenario === scenario.name && each.peer === peer);
    if (!known) missing.push({ scenario: scenario.name, peer, reason });
    say(`  ${peer}: ${reason}`);
  };
  for (let run = 1; run <= runs; run++) {
    let others = new OthersWatch();
    const context: RunContext = {
      run,
      quick: options.quick,
      record: (measurement) => {
        measurements.push({ ...measurement, scenario: scenario.name, run, others: others.percent() });
        others = new OthersWatch();
        say(`  ${measurement.case} · ${measurement.peer}: ${shortly(measurement)}`);
      },
      measure: async (peer, peerOptions, body) => {
        if (options.peers !== undefined && peer.name !== "ours" && !options.peers.includes(peer.name)) return;
        const reason = peer.missing();
        if (reason !== undefined) return noteMissing(peer.name, reason);
        others = new OthersWatch();
        try {
          const server = await peer.start(peerOptions);
          try {
            await body(server);
          } finally {
            await server.stop();
          }
        } catch (error) {
          noteMissing(peer.name, `failed: ${(error as Error).message}`);
        }
        await sleep(BREATHER_MS);
      },
      missing: noteMissing,
      rotate: (items) => [
        ...items.slice((run - 1) % items.length),
        ...items.slice(0, (run - 1) % items.length),
      ],
    };
    say(`${scenario.name}, run ${run} of ${runs} (load ${load()})`);
    await scenario.run(context);
  }
  return { measurements, missing };
}

function shortly({ values, failed }: Pick<Measurement, "values" | "failed">): string {
  const parts = Object.entries(values).map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`);
  for (const [reason, count] of Object.entries(failed ?? {})) parts.push(`${reason}: ${count}`);
  return parts.join(", ");
}
