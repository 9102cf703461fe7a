/**
 * The command line: `npm run bench -- [scenario …] [options]`.
 */
import { parseArgs } from "node:util";

export interface Arguments {
  readonly scenarios: readonly string[];
  readonly quick: boolean;
  readonly runs: number | undefined;
  readonly peers: readonly string[] | undefined;
  readonly out: string | undefined;
  readonly against: string | undefined;
  /** Results, each of the scenarios that it has. Empty: measure. */
  readonly writeDocs: readonly string[];
  readonly installPeers: boolean;
  readonly help: boolean;
}

const MAX_RUNS = 50;

export const USAGE = `usage: npm run bench -- [scenario …] [options]

  --quick             small sizes, one run: only that everything works
  --runs <n>          runs of each scenario (default: what the scenario thinks right)
  --peers <a,b>       ours and these peers only
  --out <dir>         where JSON and charts go (default: packages/bench/out)
  --against <json>    says what got worse since that result, and ends with 1 if anything did
  --write-docs <json> writes that result's scenarios into docs/performance.md, and measures nothing; others
                      stay as they are there; may be given several times
  --install-peers     fetches Bun, and nginx with Nchan, into the cache
`;

/** Throws an Error with a sentence for the user. */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      runs: { type: "string" },
      peers: { type: "string" },
      out: { type: "string" },
      against: { type: "string" },
      "write-docs": { type: "string", multiple: true, default: [] },
      "install-peers": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no scenario "${unknown}"; there are ${known.join(", ")}`);
  return {
    scenarios: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    quick: values.quick,
    runs: values.runs === undefined ? undefined : wholeNumber(values.runs),
    peers: values.peers?.split(","),
    out: values.out,
    against: values.against,
    writeDocs: values["write-docs"],
    installPeers: values["install-peers"],
    help: values.help,
  };
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_RUNS) return number;
  throw new Error(`--runs takes a whole number from 1 to ${MAX_RUNS}`);
}
