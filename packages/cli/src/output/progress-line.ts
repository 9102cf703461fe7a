/**
 * How far a run is: on a terminal one line that is written over, elsewhere a line every few seconds.
 *
 * Invariant: a phase's beginning is never left out, and what follows begins on a line of its own.
 */
import { failuresText, type Phase, type Progress } from "@holdfast/swarm";
import type { Terminal } from "../terminal.js";

const EVERY_MS = 5_000;
const BAR_WIDTH = 20;

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #shown: { readonly phase: Phase; readonly ms: number } | undefined;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  show(progress: Progress): void {
    const text = progressText(progress);
    if (this.#terminal.status !== undefined) return this.#terminal.status(text);
    const now = this.#now();
    if (this.#shown?.phase === progress.phase && now - this.#shown.ms < EVERY_MS) return;
    this.#shown = { phase: progress.phase, ms: now };
    this.#terminal.err(text);
  }

  end(): void {
    this.#terminal.status?.("");
  }
}

/** `opening [####      ] 21,300 of 100,000, 3,980 a second, 20 s left; failed attempts: HTTP 503: 12` */
export function progressText(progress: Progress): string {
  const { phase, connected, connections, agents, perSecond, etaSeconds, lost, failures } = progress;
  const filled = Math.floor(Math.min(1, connected / Math.max(1, connections)) * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`;
  const parts = [`${phase} ${bar} ${grouped(connected)} of ${grouped(connections)}`];
  if (phase === "opening") parts.push(`${agents} agents`, `${grouped(perSecond)} a second`);
  if (etaSeconds !== undefined) parts.push(`${timeText(etaSeconds)} left`);
  if (lost > 0) parts.push(`${grouped(lost)} lost`);
  const reasons = failuresText(failures, 3);
  return parts.join(", ") + (reasons === "" ? "" : `; failures: ${reasons}`);
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 100 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
