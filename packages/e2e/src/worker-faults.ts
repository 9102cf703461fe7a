/**
 * What happens to an instance's workers in a round of faults, and when: planned from chance, so that a seed
 * replays it.
 *
 * `kill` is SIGKILL; the supervisor starts another. `stop` is SIGSTOP, and SIGCONT after a while. `kill
 * stopped` ends a worker that had been stopped, with sockets on their way to it. `restart` kills a worker and
 * then its successor, while that one starts. Invariant: when `injectFaults` has resolved, no worker is
 * stopped any more.
 */
import { eventually } from "./deadline.js";
import type { GatewayProcess } from "./gateway-process.js";
import type { SeededRandom } from "./seeded-random.js";

const KINDS = ["kill", "stop", "kill stopped", "restart"] as const;

export interface WorkerFault {
  readonly kind: (typeof KINDS)[number];
  /** After the start of the storm, ms. */
  readonly atMs: number;
  /** How long it stays stopped, ms. */
  readonly stoppedMs: number;
  /** In [0, 1): which of the workers that live then. */
  readonly victim: number;
}

export interface FaultPlanOptions {
  readonly most: number;
  /** When the last one may begin, ms. */
  readonly withinMs: number;
  /** The longest stop, ms. */
  readonly stoppedMs: number;
}

export function planFaults(random: SeededRandom, options: FaultPlanOptions): readonly WorkerFault[] {
  const faults = Array.from({ length: random.between(2, options.most) }, () => ({
    kind: random.pick(KINDS) ?? "kill",
    atMs: random.between(0, options.withinMs),
    stoppedMs: random.between(100, options.stoppedMs),
    victim: random.next(),
  }));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function describeFault({ kind, atMs, stoppedMs }: WorkerFault): string {
  const stopped = kind === "stop" || kind === "kill stopped" ? ` for ${stoppedMs} ms` : "";
  return `${kind} at ${atMs} ms${stopped}`;
}

/** A successor that the supervisor holds back for longer is left in peace, ms. */
const SUCCESSOR_MS = 1_500;

/** Does all of it, each at its time from now. Resolves when the last fault is over. */
export async function injectFaults(gateway: GatewayProcess, faults: readonly WorkerFault[]): Promise<void> {
  await Promise.all(faults.map((fault) => inject(gateway, fault)));
}

async function inject(gateway: GatewayProcess, fault: WorkerFault): Promise<void> {
  await passed(fault.atMs);
  const pids = gateway.workerPids();
  const pid = pids[Math.floor(fault.victim * pids.length)];
  // Earlier faults may have left none.
  if (pid === undefined) return;
  if (fault.kind === "stop" || fault.kind === "kill stopped") {
    send(pid, "SIGSTOP");
    await passed(fault.stoppedMs);
    send(pid, fault.kind === "stop" ? "SIGCONT" : "SIGKILL");
    return;
  }
  send(pid, "SIGKILL");
  if (fault.kind === "kill") return;
  const started = (): number | undefined =>
    gateway.workerPids().find((candidate) => !pids.includes(candidate));
  const successor = await eventually("another worker is started", started, SUCCESSOR_MS).catch(
    () => undefined,
  );
  if (successor !== undefined) send(successor, "SIGKILL");
}

/** Faults come by the clock, not by what the gateway does: that is what makes them hit it anywhere. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Another fault ended it.
  }
}
