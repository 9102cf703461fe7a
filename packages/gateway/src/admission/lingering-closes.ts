/**
 * LingeringCloses: answers to sockets that are turned away, until the peer has read them.
 *
 * What the peer still sends is read and dropped meanwhile, up to a limit (`InputFlow`): closing over unread
 * bytes would reset the connection and take the answer with it. Bounded: beyond `MAX_FAREWELLS` the one that
 * has had the longest is cut short, so that a flood of refused sockets cannot use up the descriptors of those
 * that are admitted.
 * Invariant: the map is in order of deadlines.
 */
import type { Clock } from "@holdfast/core";
import { InputFlow } from "../http/input-flow.js";
import { ReadBudget } from "../runtime/read-budget.js";
import { socketOf, type TcpHandle } from "../runtime/tcp-handle.js";

/** How long a peer may take to read its answer and close, ms; to the next sweep. */
const FAREWELL_MS = 1000;
const MAX_FAREWELLS = 1024;

/** What is used of a `net.Socket`. */
export interface LingeringSocket {
  on(event: "error" | "close", listener: () => void): unknown;
  resume(): unknown;
  end(text: string): unknown;
  destroy(): unknown;
}

export class LingeringCloses {
  readonly #clock: Clock;
  readonly #open: (handle: TcpHandle) => LingeringSocket;
  /** With the time at which each began, monotonic ms. */
  readonly #sockets = new Map<LingeringSocket, number>();

  /** `open` takes ownership of a handle. Without it, peers that send much are read within `budget`. */
  constructor(clock: Clock, open?: (handle: TcpHandle) => LingeringSocket, budget = new ReadBudget()) {
    const flow = new InputFlow(budget);
    this.#clock = clock;
    this.#open =
      open ??
      ((handle) => {
        const socket = socketOf(handle);
        flow.drop(socket);
        return socket;
      });
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Sends the answer and closes. Takes ownership of the handle. */
  say(handle: TcpHandle, answer: string): void {
    if (this.#sockets.size >= MAX_FAREWELLS) {
      for (const oldest of this.#sockets.keys()) {
        this.#cut(oldest);
        break;
      }
    }
    const socket = this.#open(handle);
    this.#sockets.set(socket, this.#clock.monotonic());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    socket.resume();
    socket.end(answer);
  }

  /** Cuts short those whose time is over. */
  sweep(): void {
    const oldest = this.#clock.monotonic() - FAREWELL_MS;
    for (const [socket, since] of this.#sockets) {
      if (since > oldest) return;
      this.#cut(socket);
    }
  }

  /** Cuts short all. */
  close(): void {
    for (const socket of this.#sockets.keys()) this.#cut(socket);
  }

  #cut(socket: LingeringSocket): void {
    this.#sockets.delete(socket);
    socket.destroy();
  }
}
