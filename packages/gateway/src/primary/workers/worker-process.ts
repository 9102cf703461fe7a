/**
 * A worker as the primary knows it: the process, its two pipes, and how busy it is.
 *
 *     starting ──ready──► ready ──drain──► draining ──exit──► ended      (exit ends every state)
 *
 * Invariant: `sockets` counts what the worker holds plus what is on its way to it, so that a burst of
 * hand-offs shows before the worker's next report.
 */
import type { Worker } from "node:cluster";
import type { Duplex } from "node:stream";
import type { Clock } from "@holdfast/core";
import type { Owner } from "@holdfast/protocol";
import { HandOffs } from "../../admission/hand-off.js";
import type { PendingSocket } from "../../admission/pending-socket.js";
import { decodeTravel, type HandOffMessage } from "../../link/hand-off-message.js";
import { LINK_FD, Link } from "../../link/link.js";
import type { Load, ToPrimary, ToWorker } from "../../link/messages.js";
import type { ListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";

export type WorkerState = "starting" | "ready" | "draining" | "ended";

/**
 * How long a process may take to end once it was let go or has closed its link, ms: last words to its
 * connections, and what the system does at an exit. One that hangs there is killed.
 */
export const EXIT_GRACE_MS = 5_000;

const NO_LOAD: Load = { sockets: 0, received: 0, connections: 0, loopDelayMs: 0, broker: "connecting" };

export interface WorkerEvents {
  message(worker: WorkerProcess, message: ToPrimary): void;
  /** It has taken a socket that was queued for it. */
  room(worker: WorkerProcess): void;
  /** It could not receive this one. */
  undeliverable(worker: WorkerProcess, socket: PendingSocket): void;
  /** A copy of the listening handle of `port`, as asked for by `copy`. */
  copied(port: number, copy: ListenHandle): void;
  /** It listens itself, and this socket belongs to another one's session. */
  misplaced(note: HandOffMessage, handle: TcpHandle): void;
  /** The link failed while the process lives: it is out of step and must go. */
  linkLost(worker: WorkerProcess, problem: Error | undefined): void;
}

export class WorkerProcess {
  readonly owner: Owner;
  readonly process: Worker;
  /** Resolves when the process is gone and its pipes are read to the end. */
  readonly closed: Promise<void>;
  readonly #clock: Clock;
  readonly #handOffs: HandOffs;
  readonly #link: Link<ToWorker, ToPrimary>;
  #load: Load = NO_LOAD;
  /** Clients that its drain has yet to see off. */
  #left: number | undefined;
  #sent = 0;
  #drained: () => void = () => {};
  #state: WorkerState = "starting";

  constructor(owner: Owner, process: Worker, events: WorkerEvents, clock: Clock) {
    this.owner = owner;
    this.process = process;
    this.#clock = clock;
    this.closed = new Promise((resolve) => process.process.once("close", () => resolve()));
    this.#handOffs = new HandOffs(
      process,
      {
        taken: () => events.room(this),
        undeliverable: (socket) => {
          this.#sent--;
          events.undeliverable(this, socket);
        },
      },
      clock,
    );
    process.process.on("message", (message: unknown, handle?: unknown) => {
      const note = decodeTravel(message);
      // A socket that closed on the way comes without its handle.
      if (note === undefined || handle === undefined) return;
      if (note.kind === "copy") events.copied(Number(note.about), handle as ListenHandle);
      else if (note.kind === "misplaced") events.misplaced(note, handle as TcpHandle);
    });
    this.#link = new Link(process.process.stdio[LINK_FD] as Duplex, {
      message: (message) => {
        if (message.type === "load") this.#load = message;
        else if (message.type === "drain-progress") this.#left = message.left;
        events.message(this, message);
      },
      drained: () => this.#drained(),
      closed: (problem) => {
        if (this.#state !== "ended") events.linkLost(this, problem);
      },
    });
  }

  get state(): WorkerState {
    return this.#state;
  }

  get load(): Load {
    return this.#load;
  }

  /** Clients it holds: while it drains those whose transport has not ended. */
  get clients(): number {
    return this.#left ?? this.#load.connections;
  }

  /** Sockets it holds, those on their way included. */
  get sockets(): number {
    return this.#load.sockets + this.#sent - this.#load.received;
  }

  /**
   * Sockets on their way to it that it has not taken, and how long the first of them has been waiting, ms.
   */
  get queue(): Pick<HandOffs, "waiting" | "waitingMs"> {
    return this.#handOffs;
  }

  /** False where the link has no room for it: see `LINK_SHARES`. */
  send(message: ToWorker, share?: number): boolean {
    return this.#link.send(message, share);
  }

  /** `drained` is called when the worker has taken all that waited for it on the link. */
  onDrained(drained: () => void): void {
    this.#drained = drained;
  }

  /** Gives it a socket, counted from now on. */
  handOver(socket: PendingSocket): void {
    this.#sent++;
    this.#handOffs.push(socket);
  }

  /** Asks for a copy of a listening handle. None comes if the worker ends first. */
  copy(handle: ListenHandle, port: number): void {
    this.#handOffs.copy(handle, port);
  }

  /** Takes back what it has not taken; of a live worker without the one under way, which may arrive yet. */
  takeBack(): readonly PendingSocket[] {
    const back = this.#state === "ended" ? this.#handOffs.takeBack() : this.#handOffs.takeBackQueued();
    this.#sent -= back.length;
    return back;
  }

  /** The state moves forward only. */
  enter(state: Exclude<WorkerState, "starting">): void {
    if (this.#state === "ended") return;
    this.#state = state;
    if (state === "ended") this.#link.close();
  }

  /** Lets the worker end by itself: it does when its link closes. One that hangs is killed. */
  release(graceMs = EXIT_GRACE_MS): void {
    this.enter("ended");
    this.killLater(graceMs);
  }

  /** Kills the process unless it ends by itself. */
  killLater(graceMs: number): void {
    const late = this.#clock.after(graceMs, () => this.kill());
    void this.closed.then(() => late.cancel());
  }

  kill(): void {
    this.process.process.kill("SIGKILL");
  }
}
