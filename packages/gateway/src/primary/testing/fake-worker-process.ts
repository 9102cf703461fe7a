/**
 * A worker as the front door sees it, without a process: takes no socket unless a test says so.
 */

import type { PendingSocket } from "../../admission/pending-socket.js";
import type { Load, ToWorker } from "../../link/messages.js";
import type { WorkerProcess, WorkerState } from "../workers/worker-process.js";

export class FakeWorkerProcess {
  readonly owner: { readonly slot: number; readonly generation: number };
  state: WorkerState = "ready";
  /** On their way, in order. */
  queued: PendingSocket[] = [];
  /** What it holds besides. */
  held = 0;
  waitingMs = 0;
  load: Load = { sockets: 0, received: 0, connections: 0, loopDelayMs: 0, broker: "ready" };

  constructor(slot: number) {
    this.owner = { slot, generation: 1 };
  }

  /** As the front door takes it. */
  get process(): WorkerProcess {
    return this as unknown as WorkerProcess;
  }

  get sockets(): number {
    return this.held + this.queued.length;
  }

  get queue(): WorkerProcess["queue"] {
    return { waiting: this.queued.length, waitingMs: this.waitingMs };
  }

  handOver(socket: PendingSocket): void {
    this.queued.push(socket);
  }

  /** Ports whose listening handles it was asked to copy. */
  readonly copying: number[] = [];

  /** What it was told over the link. */
  readonly told: ToWorker[] = [];

  /** Whether its loop turns. */
  answers = true;
  /** What its answers to health checks are for. */
  probed: (worker: WorkerProcess) => void = () => {};

  send(message: ToWorker): void {
    if (message.type !== "probe") this.told.push(message);
    else if (this.answers) this.probed(this.process);
  }

  copy(_handle: unknown, port: number): void {
    this.copying.push(port);
  }

  takeBack(): readonly PendingSocket[] {
    return this.queued.splice(this.state === "ended" ? 0 : 1);
  }

  /** Takes what is queued, and lets the connections go. */
  takeAll(): void {
    for (const { handle } of this.queued.splice(0)) handle.close();
  }
}
