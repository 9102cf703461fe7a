/**
 * `npm run sim`: runs many seeds of the simulation, says how fast, and shows the first that fails.
 *
 *     npm run sim                               seeds 1 to 5000
 *     npm run sim -- --seeds 20000 --from 1     more of them
 *     npm run sim -- --seed 17 --trace          one seed, with everything that happens in it
 */
import { parseArgs } from "node:util";
import { type SimulationResult, simulate } from "./simulation.js";

const DEFAULT_SEEDS = 5000;
/** Of a failing seed: the events before its first violation. */
const SHOWN_EVENTS = 60;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});

const only = values.seed === undefined ? undefined : whole("seed", values.seed);
const from = only ?? whole("from", values.from ?? "1");
const seeds = only === undefined ? whole("seeds", values.seeds ?? String(DEFAULT_SEEDS)) : 1;
process.exitCode = (await run()) ? 0 : 1;

async function run(): Promise<boolean> {
  const started = performance.now();
  const sums = { events: 0, publications: 0, delivered: 0, verdicts: 0 };
  let failed = 0;
  let done = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ seed, trace: values.trace });
    done++;
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
    if (values.trace) say(result.trace.join("\n"));
    if (result.violations.length > 0) {
      failed++;
      await show(result);
      if (!values["keep-going"]) break;
    }
    if (done % 500 === 0) say(`${done} seeds …`);
  }
  const seconds = (performance.now() - started) / 1000;
  say(
    `${done} seeds from ${from}: ${done - failed} clean, ${failed} failed. ` +
      `${(done / seconds).toFixed(0)} seeds/s; ${sums.events} events, ${sums.publications} publications, ` +
      `${sums.delivered} delivered, ${sums.verdicts} verdicts that something is missing`,
  );
  return failed === 0;
}

/** Runs the seed again for its events, and shows what led to the first violation. */
async function show({ seed, violations }: SimulationResult): Promise<void> {
  say(`seed ${seed} failed:\n${violations.map((each) => `  ${each}`).join("\n")}`);
  if (!values.trace && !values["keep-going"]) {
    const { trace } = await simulate({ seed, trace: true });
    const at = trace.findIndex((line) => line.includes("VIOLATION"));
    say(`the events before it:\n${trace.slice(Math.max(0, at - SHOWN_EVENTS), at + 1).join("\n")}`);
  }
  say(`replay it: npm run sim -- --seed ${seed} --trace`);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} ${text}: give a whole number above 0`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
