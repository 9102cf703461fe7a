/**
 * Preloaded (`--import`) into every Node server that is measured, ours included, so that all are asked the
 * same way.
 *
 * Does nothing until SIGUSR2: then it reads <directory>/<pid>.ask, does what stands there and writes
 * <directory>/<pid>.json. The directory comes from BENCH_PROBE; without it, the probe is off.
 *
 *     collect   one forced full collection      → {gcMs}
 *     watch     begins to watch loop and GC     → {}
 *     figures   what was seen since             → LoopFigures
 *
 * BENCH_NAIVE_GC=<ms> makes workers collect on a plain timer: the folklore that the gc scenario compares
 * with.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What `figures` answers: since `watch`. */
export interface LoopFigures {
  /** Beyond the sampling interval, ms. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** Full collections, forced or not, ms each. */
  readonly majorMs: readonly number[];
  /** Young collections, ms each, the longest ones. */
  readonly minorMaxMs: number;
}

const RESOLUTION_MS = 10;
const MAX_PAUSES = 10_000;
const directory = process.env.BENCH_PROBE;
const naiveMs = Number(process.env.BENCH_NAIVE_GC ?? 0);

if (directory !== undefined) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let majorMs: number[] = [];
  let minorMaxMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = (entry as { detail?: { kind?: number } }).detail?.kind;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) minorMaxMs = Math.max(minorMaxMs, entry.duration);
      else if (kind === constants.NODE_PERFORMANCE_GC_MAJOR && majorMs.length < MAX_PAUSES)
        majorMs.push(entry.duration);
    }
  });
  const beyondSampling = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);

  const obey = (command: string): object => {
    switch (command) {
      case "collect": {
        const before = performance.now();
        collect();
        return { gcMs: performance.now() - before };
      }
      case "watch":
        majorMs = [];
        minorMaxMs = 0;
        delays.reset();
        delays.enable();
        observer.observe({ entryTypes: ["gc"] });
        return {};
      case "figures": {
        delays.disable();
        observer.disconnect();
        const empty = delays.count === 0;
        return {
          delayP50Ms: empty ? 0 : beyondSampling(delays.percentile(50)),
          delayP99Ms: empty ? 0 : beyondSampling(delays.percentile(99)),
          delayMaxMs: empty ? 0 : beyondSampling(delays.max),
          majorMs,
          minorMaxMs,
        } satisfies LoopFigures;
      }
      default:
        return { error: `unknown: ${command}` };
    }
  };

  process.on("SIGUSR2", () => {
    const answer = join(directory, `${process.pid}.json`);
    const command = readFileSync(join(directory, `${process.pid}.ask`), "utf8");
    writeFileSync(`${answer}.part`, JSON.stringify(obey(command)));
    renameSync(`${answer}.part`, answer);
  });
  // Workers only: the primary of a cluster has no heap worth the pause.
  if (naiveMs > 0 && process.send !== undefined) setInterval(collect, naiveMs).unref();
}
