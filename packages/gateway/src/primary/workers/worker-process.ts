/**
 * A worker as the primary knows it: the process and its two pipes.
 *
 *     starting ──ready──► ready ──drain──► draining ──exit──► ended      (exit ends every state)
 *
 * How busy it is says its `WorkerLoad`. Invariant: the state moves forward only, and `closed` resolves once.
 */
import type { Worker } from "node:cluster";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@holdfast/core";
import type { Owner } from "@holdfast/protocol";
import { type HandOffEvents, HandOffs, type TravelsAs } from "../../admission/hand-off.js";
import type { PendingSocket } from "../../admission/pending-socket.js";
import { PipedHandOffs } from "../../admission/piped-hand-offs.js";
import { decodeTravel, type HandOffMessage } from "../../link/hand-off-message.js";
import { HANDLES_FD, LINK_FD, Link } from "../../link/link.js";
import type { Load, ToPrimary, ToWorker } from "../../link/messages.js";
import { HandlePipe } from "../../runtime/handle-pipe.js";
import type { ListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { WorkerLoad } from "./worker-load.js";

export type WorkerState = "starting" | "ready" | "draining" | "ended";

/**
 * How long a process may take to end once it was let go or has closed its link, ms: last words to its
 * connections, and what the system does at an exit. One that hangs there is killed.
 */
export const EXIT_GRACE_MS = 5_000;

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
  /** Node's: listening handles go by it, and sockets where there is no pipe for them. */
  readonly #channel: HandOffs;
  readonly #handOffs: HandOffs | PipedHandOffs;
  readonly #link: Link<ToWorker, ToPrimary>;
  readonly #load = new WorkerLoad();
  #drained: () => void = () => {};
  /** Whether its pipes are read to the end: what it has taken is known. */
  #isGone = false;
  #state: WorkerState = "starting";

  constructor(owner: Owner, process: Worker, events: WorkerEvents, clock: Clock, travelsAs?: TravelsAs) {
    this.owner = owner;
    this.process = process;
    this.#clock = clock;
    this.closed = new Promise((resolve) => {
      process.process.once("close", () => {
        this.#isGone = true;
        resolve();
      });
    });
    const handOffEvents: HandOffEvents = {
      taken: () => events.room(this),
      undeliverable: (socket) => {
        this.#load.returned(1);
        events.undeliverable(this, socket);
      },
    };
    this.#channel = new HandOffs(process, handOffEvents, clock, "handOff", travelsAs);
    const shell = (process.process.stdio as readonly unknown[])[HANDLES_FD] as Socket | undefined;
    this.#handOffs = shell === undefined ? this.#channel : pipedBy(shell, handOffEvents, clock);
    process.process.on("message", (message: unknown, handle?: unknown) => {
      const note = decodeTravel(message);
      // A socket that closed on the way comes without its handle.
      if (note === undefined || handle === undefined) return;
      if (note.kind === "copy") events.copied(Number(note.about), handle as ListenHandle);
      else if (note.kind === "misplaced") events.misplaced(note, handle as TcpHandle);
    });
    this.#link = new Link(process.process.stdio[LINK_FD] as Duplex, {
      message: (message) => {
        if (message.type === "load") this.#load.reported(message);
        else if (message.type === "drain-progress") this.#load.drains(message.left);
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

  /** What it said last of itself. */
  get load(): Load {
    return this.#load.last;
  }

  /** Clients it holds: while it drains those whose transport has not ended. */
  get clients(): number {
    return this.#load.clients;
  }

  /** Sockets it holds, those on their way included. */
  get sockets(): number {
    return this.#load.sockets;
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
    this.#load.sent();
    this.#handOffs.push(socket);
  }

  /** Asks for a copy of a listening handle. None comes if the worker ends first. */
  copy(handle: ListenHandle, port: number): void {
    this.#channel.copy(handle, port);
  }

  /** Takes back what it has not taken; until it is gone without those under way, which may arrive yet. */
  takeBack(): readonly PendingSocket[] {
    const back = this.#isGone ? this.#handOffs.takeBack() : this.#handOffs.takeBackQueued();
    this.#load.returned(back.length);
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

function pipedBy(shell: Socket, events: HandOffEvents, clock: Clock): PipedHandOffs {
  const pipe: HandlePipe = new HandlePipe(shell, {
    came: (bytes) => handOffs.answered(bytes),
    unsent: (handle) => handOffs.unsent(handle),
    ended: () => {},
  });
  const handOffs = new PipedHandOffs(pipe, events, clock);
  return handOffs;
}
