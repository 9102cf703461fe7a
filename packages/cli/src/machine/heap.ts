/**
 * V8's flags for a worker, from memory and the number of workers, and for the primary. A worker's are passed
 * by execArgv: NODE_OPTIONS refuses some flags.
 *
 * Old space: half of the memory, divided evenly. The other half is for what is not heap: about 8 KiB of
 * kernel memory per connection (4 KiB of slab and one page of unread data), frames on their way out, the
 * primary, the system. It is a ceiling, not a reservation; without it V8 takes its own limit (about 4 GiB on
 * a large machine), which many workers exceed together and one big worker hits early.
 *
 * Young generation (three semi-spaces): V8's own 16 MiB where memory allows. Larger ones make scavenges rarer
 * and keep the garbage of a burst out of the old space, at three times their size in every worker; smaller
 * ones promote what a burst of handshakes leaves, which then waits for a full collection.
 *
 * Both flags exist in Node.js 20 to 26. `--nouse-idle-notification` and `--max-new-space-size`, which older
 * guides name, stop the process there.
 */

const MIB = 1024 * 1024;
const HEAP_SHARE = 0.5;
const MIN_OLD_MIB = 96;
const MAX_OLD_MIB = 16_384;

export interface HeapOptions {
  /** Memory of the machine or container, bytes. */
  readonly memoryBytes: number;
  readonly workers: number;
  /** Flags the gateway itself was started with; those on the heap win over the rule. */
  readonly execArgv: readonly string[];
  /** NODE_OPTIONS; flags on the heap in it win, too. */
  readonly nodeOptions: string;
}

/** The execArgv of a worker: the gateway's own flags, and the rule's where nothing was said. */
export function workerExecArgv({ memoryBytes, workers, execArgv, nodeOptions }: HeapOptions): string[] {
  // A debugger's port can be opened once; workers are debugged by their own pid (kill -USR1).
  const inherited = execArgv.filter((flag) => !flag.startsWith("--inspect"));
  const said = [...execArgv, ...nodeOptions.split(/\s+/)].map((flag) => flag.replaceAll("_", "-"));
  const { oldMib, semiMib } = heapSizes(memoryBytes, workers);
  const flags = [...inherited];
  if (!said.some((flag) => flag.startsWith("--max-old-space-size"))) {
    flags.push(`--max-old-space-size=${oldMib}`);
  }
  if (!said.some((flag) => flag.startsWith("--max-semi-space-size"))) {
    flags.push(`--max-semi-space-size=${semiMib}`);
  }
  return flags;
}

/**
 * How often V8 collects in full what the start of a process left, 8 s or more after it: once, not three times
 * (Node.js 20) or twice (22). By major version, as V8 renames the flag and complains of one that it does not
 * know.
 */
const ONE_COLLECTION_AT_REST: Readonly<Record<string, string>> = Object.freeze({
  "20": "--memory-reducer-single-gc",
  "22": "--memory-reducer-gc-count=1",
});

/**
 * Flags that a primary sets in itself. Three full collections in two seconds take 300 ms of CPU from workers
 * that share its cores (docs/adr/0071-collections-and-messages.md).
 */
export function primaryFlags(nodeVersion: string): string[] {
  const flag = ONE_COLLECTION_AT_REST[/^v?(\d+)\./.exec(nodeVersion)?.[1] ?? ""];
  return flag === undefined ? [] : [flag];
}

/** MiB of one worker's old space and of one of its semi-spaces. */
export function heapSizes(memoryBytes: number, workers: number): { oldMib: number; semiMib: number } {
  const share = Math.floor((memoryBytes * HEAP_SHARE) / MIB / workers);
  const oldMib = Math.min(Math.max(share, MIN_OLD_MIB), MAX_OLD_MIB);
  return { oldMib, semiMib: oldMib >= 512 ? 16 : oldMib >= 256 ? 8 : 4 };
}
