/**
 * Joined results: a bench that was run in parts, scenario by scenario, read as one.
 *
 * Invariants: all parts are of one machine and of one size; a scenario that two of them have is taken from
 * the later one, whole.
 */
import type { BenchResult } from "./result.js";

/** `parts`: one at least, in any order. Throws where they cannot stand in one table. */
export function joinedResult(parts: readonly BenchResult[]): BenchResult {
  const [first, ...rest] = [...parts].sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  if (first === undefined) throw new Error("no result was given");
  return rest.reduce(join, first);
}

function join(one: BenchResult, other: BenchResult): BenchResult {
  if (one.quick !== other.quick) throw new Error("a quick result cannot be joined with one of full size");
  if (one.machine.cpu !== other.machine.cpu || one.machine.kernel !== other.machine.kernel)
    throw new Error(`the results are of two machines: ${one.machine.cpu} and ${other.machine.cpu}`);
  const again = new Set(other.scenarios.map(({ name }) => name));
  const isKept = ({ scenario }: { readonly scenario: string }): boolean => !again.has(scenario);
  const commits = new Set([...one.machine.commit.split(", "), other.machine.commit]);
  return {
    ...one,
    command: `${one.command}\` and \`${other.command}`,
    seconds: one.seconds + other.seconds,
    runs: Math.max(one.runs, other.runs),
    loadClients: [...new Set([...one.loadClients, ...other.loadClients])],
    machine: {
      ...one.machine,
      commit: [...commits].join(", "),
      versions: { ...one.machine.versions, ...other.machine.versions },
    },
    scenarios: [...one.scenarios.filter(({ name }) => !again.has(name)), ...other.scenarios],
    peers: { ...one.peers, ...other.peers },
    measurements: [...one.measurements.filter(isKept), ...other.measurements],
    missing: [...one.missing.filter(isKept), ...other.missing],
  };
}
