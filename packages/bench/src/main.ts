/**
 * `npm run bench`: measures, prints one table, writes JSON and charts.
 *
 * Ends with 0, with 1 when `--against` found something worse, with 2 when it could not run. Targets that are
 * missed are shown and do not change the exit code: they are aims for us, not conditions for CI.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Arguments, parseArguments, USAGE } from "./arguments.js";
import { killAll } from "./line-process.js";
import { fleetClientName } from "./load/fleet-client.js";
import { stormClientName } from "./load/storm-client.js";
import { describeMachine, type Machine } from "./measure/machine.js";
import { BENCH, REPOSITORY } from "./packages.js";
import { installPeers } from "./peers/install.js";
import { regressions } from "./regression.js";
import { chartsOf } from "./report/charts-of.js";
import { withFigures } from "./report/docs.js";
import { failuresOf } from "./report/failures.js";
import { regressionTable } from "./report/regressions.js";
import { tablesOf, textTable } from "./report/table.js";
import { verdictTable } from "./report/verdicts.js";
import type { BenchResult } from "./result.js";
import { type Gathered, runScenario } from "./runner.js";
import type { Scenario } from "./scenario.js";
import { SCENARIOS } from "./scenarios/index.js";
import { judge } from "./targets.js";

async function main(args: readonly string[]): Promise<number> {
  if (process.platform !== "linux") throw new Error("the bench reads /proc and runs on Linux only");
  const names = SCENARIOS.map(({ name }) => name);
  const parsed = parseArguments(args, names);
  if (parsed.help) {
    console.log(`${USAGE}\nscenarios: ${names.join(", ")}`);
    return 0;
  }
  if (parsed.installPeers) {
    installPeers();
    return 0;
  }
  if (parsed.writeDocs.length > 0) {
    writeDocs(parsed.writeDocs.map(readResult));
    return 0;
  }
  const before = parsed.against === undefined ? undefined : readResult(parsed.against);
  const directory = resolve(parsed.out ?? join(BENCH, "out"));
  const result = await measure(parsed, args, (soFar) => writeResult(soFar, directory));
  print(result);
  console.log(`\n${join(directory, "result.json")}`);
  if (before === undefined) return 0;
  const worse = regressions(before, result);
  console.log(worse.length === 0 ? "\nNothing got worse." : `\n${textTable(regressionTable(worse, result))}`);
  return worse.length === 0 ? 0 : 1;
}

/** Runs the scenarios. `keep`: is given what there is after each of them, so that an end keeps the rest. */
async function measure(
  parsed: Arguments,
  args: readonly string[],
  keep: (soFar: BenchResult) => void,
): Promise<BenchResult> {
  const begun = {
    command: ["npm run bench --", ...args].join(" "),
    machine: describeMachine(),
    at: new Date(),
  };
  const parts: Gathered[] = [];
  let result = resultOf(parsed, begun, [], parts);
  const scenarios = SCENARIOS.filter(({ name }) => parsed.scenarios.includes(name));
  for (const scenario of scenarios) {
    const { quick, runs, peers } = parsed;
    parts.push(await runScenario(scenario, { quick, runs, peers, say: (line) => console.error(line) }));
    result = resultOf(parsed, begun, scenarios.slice(0, parts.length), parts);
    keep(result);
  }
  return result;
}

interface Begun {
  readonly command: string;
  readonly machine: Machine;
  readonly at: Date;
}

function resultOf(
  { quick }: Arguments,
  { command, machine, at }: Begun,
  scenarios: readonly Scenario[],
  parts: readonly Gathered[],
): BenchResult {
  const measurements = parts.flatMap((part) => part.measurements);
  const peers = scenarios.flatMap((scenario) =>
    scenario.peers.map(({ name, label }) => [name, label] as const),
  );
  return {
    format: 1,
    command,
    startedAt: at.toISOString(),
    seconds: Math.round((Date.now() - at.getTime()) / 1000),
    quick,
    runs: Math.max(1, ...measurements.map(({ run }) => run)),
    loadClients: [stormClientName(), fleetClientName()],
    machine,
    scenarios: scenarios.map(({ name, title, metrics }) => ({ name, title, metrics })),
    peers: Object.fromEntries(peers),
    measurements,
    missing: parts.flatMap((part) => part.missing),
  };
}

function print(result: BenchResult): void {
  const { machine } = result;
  console.log(
    `${machine.cpu}, ${machine.cores} cores, Node ${process.version}, commit ${machine.commit}, load ${machine.load}; in brackets: ours by theirs\n`,
  );
  for (const table of tablesOf(result)) console.log(`${textTable(table)}\n`);
  for (const failure of failuresOf(result)) console.log(`failed: ${failure}`);
  for (const { scenario, peer, reason } of result.missing) {
    console.log(`missing: ${result.peers[peer] ?? peer} in ${scenario}: ${reason}`);
  }
  // Small sizes say nothing about targets.
  if (!result.quick) console.log(`\n${textTable(verdictTable(judge(result)))}`);
}

function writeResult(result: BenchResult, directory: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "result.json"), `${JSON.stringify(result, null, 1)}\n`);
  for (const { file, svg } of chartsOf(result)) writeFileSync(join(directory, file), svg);
}

/** The results' scenarios, the latest of each; the page keeps the sections of all others. */
function writeDocs(results: readonly BenchResult[]): void {
  const page = join(REPOSITORY, "docs/performance.md");
  const order = SCENARIOS.map(({ name }) => name);
  let text = readFileSync(page, "utf8");
  const charts: { file: string; svg: string }[] = [];
  for (const result of [...results].sort((a, b) => a.startedAt.localeCompare(b.startedAt))) {
    const own = chartsOf(result);
    const paths = own.map(({ file }) => `img/${file}`);
    text = withFigures(text, result, paths, order);
    charts.push(...own);
  }
  const images = join(REPOSITORY, "docs/img");
  mkdirSync(images, { recursive: true });
  for (const { file, svg } of charts) writeFileSync(join(images, file), svg);
  writeFileSync(page, text);
  console.log(`wrote ${page}`);
}

function readResult(path: string): BenchResult {
  const result = JSON.parse(readFileSync(path, "utf8")) as BenchResult;
  if (result.format !== 1) throw new Error(`${path} is not a result of this bench`);
  return result;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    killAll();
    process.exit(130);
  });
}
process.on("exit", killAll);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
