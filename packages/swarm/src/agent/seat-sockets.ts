/**
 * The TCP handles of an agent's seats, and the bytes of each that have not come whole.
 *
 * Leaves to its owner what bytes mean and what follows an end. Invariant: a seat has at most one handle, and
 * nothing is told of a handle that is no longer its seat's.
 */
import { type OutgoingHandle, TcpClient } from "./tcp-client.js";

export interface SeatSocketEvents {
  /** The TCP connection stands and is read. */
  opened(seat: number): void;
  /**
   * What has come, with what was unfinished before it. Returns where the first unfinished part begins; a
   * string says why the connection is over.
   */
  read(seat: number, bytes: Uint8Array): number | string;
  /** The connection is over; it has to be closed. */
  broken(seat: number, why: string): void;
}

export class SeatSockets {
  readonly #on: SeatSocketEvents;
  readonly #handles: (OutgoingHandle | undefined)[];
  readonly #unfinished = new Map<number, Uint8Array>();
  #tcp: TcpClient | undefined;

  private constructor(seats: number, on: SeatSocketEvents) {
    this.#handles = new Array<OutgoingHandle | undefined>(seats).fill(undefined);
    this.#on = on;
  }

  /** Rejects on a Node.js whose sockets the client does not know. */
  static async create(seats: number, on: SeatSocketEvents): Promise<SeatSockets> {
    const sockets = new SeatSockets(seats, on);
    sockets.#tcp = await TcpClient.create({
      opened: (handle, error) => sockets.#opened(handle, error),
      received: (handle, bytes) => sockets.#received(handle, bytes),
      ended: (handle) => {
        if (sockets.#handles[handle.seat] === handle) on.broken(handle.seat, "closed without a reason");
      },
    });
    return sockets;
  }

  has(seat: number): boolean {
    return this.#handles[seat] !== undefined;
  }

  /** Begins to connect from `source`, if it is said. Says why where that fails at once. */
  open(seat: number, source: string | undefined, host: string, port: number): string | undefined {
    const opened = this.#tcp?.open(seat, source, host, port);
    if (typeof opened !== "object") return opened ?? "not ready";
    this.#handles[seat] = opened;
    return undefined;
  }

  /** Bytes as a Latin-1 string. */
  write(seat: number, bytes: string): void {
    const handle = this.#handles[seat];
    if (handle !== undefined && this.#tcp?.write(handle, bytes) !== true) this.#on.broken(seat, "reset");
  }

  close(seat: number): void {
    const handle = this.#handles[seat];
    this.#handles[seat] = undefined;
    this.#unfinished.delete(seat);
    handle?.close();
  }

  /** Resets every connection, and says of which seat each was. */
  reset(closed: (seat: number) => void): void {
    this.#handles.forEach((handle, seat) => {
      if (handle === undefined) return;
      this.#handles[seat] = undefined;
      closed(seat);
      if (handle.reset() !== 0) handle.close();
    });
    this.#unfinished.clear();
  }

  #opened(handle: OutgoingHandle, error: string | undefined): void {
    const { seat } = handle;
    // A handle that was closed meanwhile reports its end here.
    if (this.#handles[seat] !== handle) return;
    if (error !== undefined) return this.#on.broken(seat, error);
    this.#tcp?.read(handle);
    handle.setNoDelay(true);
    this.#on.opened(seat);
  }

  #received(handle: OutgoingHandle, bytes: Uint8Array<ArrayBuffer>): void {
    const { seat } = handle;
    if (this.#handles[seat] !== handle) return;
    const kept = this.#unfinished.get(seat);
    const all = kept === undefined ? bytes : joined(kept, bytes);
    const rest = this.#on.read(seat, all);
    if (this.#handles[seat] !== handle) return;
    if (typeof rest === "string") return this.#on.broken(seat, rest);
    if (rest < all.length) this.#unfinished.set(seat, all.slice(rest));
    else if (kept !== undefined) this.#unfinished.delete(seat);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
