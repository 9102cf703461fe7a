/**
 * What a machine is set to for a number of connections: kernel settings, limits of logins, a drop-in for
 * systemd, line by line with reasons.
 *
 * Owns which lines stand in which file. The kernel's lines are those of sysctl.ts. Invariant: no line is
 * without a reason, and a file for fewer connections never asks for more than one for many.
 */
import { returnsPerSecond } from "./cpu.js";
import { drainTimings, timingsFor } from "./drain-timings.js";
import { openFilesNeeded } from "./files.js";
import { GATEWAY } from "./limits/gateway.js";
import { LINUX } from "./limits/linux.js";
import { positive } from "./rounding.js";
import { sysctlFor } from "./sysctl.js";

export interface TuningOptions {
  /** Connections that the machine is to hold. */
  readonly connections: number;
  readonly workers: number;
  /** The settings `drainDelay` and `drainWindow`, seconds; a window is made from the connections without. */
  readonly drainDelaySeconds?: number;
  readonly drainWindowSeconds?: number;
}

export interface TuningLine {
  /** As it stands in the file. */
  readonly text: string;
  /** One sentence or two. */
  readonly reason: string;
}

export interface TuningFile {
  /** Absolute. */
  readonly path: string;
  /** What stands in front of the lines, such as the section of a unit. */
  readonly head: readonly string[];
  readonly lines: readonly TuningLine[];
}

/** Threads of a process: its own, V8's, libuv's. */
const THREADS = 12;
const LEAST_TASKS = 4096;

/** The files, in the order in which they take effect. Throws RangeError where a worker had too many files. */
export function tuningFor(options: TuningOptions): TuningFile[] {
  const connections = positive(options.connections, "connections");
  const workers = positive(options.workers, "workers");
  const needed = openFilesNeeded(connections, workers);
  const most = LINUX.openFilesPerProcess.value;
  if (workers > GATEWAY.maxWorkers.value)
    throw new RangeError(`an instance has at most ${GATEWAY.maxWorkers.value} workers, not ${workers}`);
  if (needed > most) {
    throw new RangeError(
      `${connections} connections over ${workers} ${workers === 1 ? "worker" : "workers"} are ${needed} open files of each, and a process may have ${most} (fs.nr_open): take more workers`,
    );
  }
  return [kernel(connections, workers), logins(needed), service({ ...options, connections, workers })];
}

function kernel(connections: number, workers: number): TuningFile {
  return {
    path: "/etc/sysctl.d/60-holdfast.conf",
    head: [],
    lines: sysctlFor(connections, { cpus: workers }).map(({ key, value, optional, reason }) => ({
      text: `${optional ? "-" : ""}${key} = ${value}`,
      reason,
    })),
  };
}

/** For a gateway that is started from a shell; the service has a limit of its own. */
function logins(needed: number): TuningFile {
  const most = LINUX.openFilesPerProcess.value;
  const line = (who: string, kind: string, reason: string): TuningLine => ({
    text: `${who} ${kind} nofile ${most}`,
    reason,
  });
  return {
    path: "/etc/security/limits.d/60-holdfast.conf",
    head: [],
    lines: [
      line(
        "*",
        "hard",
        `A connection is one file of its worker: ${needed} are needed. Node.js raises its soft limit to the hard one.`,
      ),
      line("*", "soft", "For tools beside the gateway, which do not raise it."),
      line("root", "hard", "The line of * is not for root."),
      line("root", "soft", "The line of * is not for root."),
    ],
  };
}

function service(options: TuningOptions): TuningFile {
  const { connections, workers } = options;
  const { drainDelaySeconds, drainWindowSeconds, stopSeconds } = stopOf(options);
  const backlog = sysctlFor(connections, { cpus: workers }).find(({ key }) => key === "net.core.somaxconn");
  return {
    path: "/etc/systemd/system/holdfast.service.d/60-holdfast.conf",
    head: ["[Service]"],
    lines: [
      {
        text: `LimitNOFILE=${LINUX.openFilesPerProcess.value}`,
        reason: `A connection is one file of its worker: ${openFilesNeeded(connections, workers)} are needed.`,
      },
      {
        text: `TasksMax=${Math.max(LEAST_TASKS, (workers + 1) * THREADS)}`,
        reason: `Threads of ${workers + 1} processes with about ${THREADS} each.`,
      },
      {
        text: "OOMPolicy=continue",
        reason: "The primary replaces a worker that the kernel killed; systemd's default stops the service.",
      },
      {
        text: `TimeoutStopSec=${stopSeconds}s`,
        reason: `The drain's delay of ${drainDelaySeconds} s, its window of ${drainWindowSeconds} s and ${GATEWAY.stopReserveSeconds.value} s of the primary's own. A shorter time kills a drain.`,
      },
      {
        text: `Environment=HOLDFAST_DRAIN_DELAY=${drainDelaySeconds}s HOLDFAST_DRAIN_WINDOW=${drainWindowSeconds}s`,
        reason: `As long as other machines of this size need to take ${connections} clients back. EnvironmentFile= wins over it.`,
      },
      {
        text: `Environment=HOLDFAST_BACKLOG=${backlog?.value ?? ""}`,
        reason: "The accept queue that net.core.somaxconn allows: the smaller of the two counts.",
      },
    ],
  };
}

function stopOf(options: TuningOptions): {
  drainDelaySeconds: number;
  drainWindowSeconds: number;
  stopSeconds: number;
} {
  const { connections, workers, drainDelaySeconds, drainWindowSeconds } = options;
  const made = drainTimings({ place: "ec2", connections, returnsPerSecond: returnsPerSecond(workers) });
  return timingsFor(
    "ec2",
    drainDelaySeconds ?? made.drainDelaySeconds,
    drainWindowSeconds ?? made.drainWindowSeconds,
  );
}

/** The text of a file, each line below its reason. */
export function tuningText({ head, lines }: TuningFile, title: string): string {
  const body = lines.flatMap(({ text, reason }) => [`# ${reason}`, text, ""]);
  return [`# ${title}`, "", ...head, ...body].join("\n");
}
