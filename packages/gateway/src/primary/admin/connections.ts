/**
 * The connections of the admin port, and what its requests hold: bounded, so that no peer can take its
 * descriptors or memory, and a probe still gets in.
 *
 * Beyond the cap the connection that has waited longest without a whole request makes way for the new one;
 * where all are being answered, the new one is closed. Invariant: the map is in the order in which
 * connections began to wait.
 */
import type { Socket } from "node:net";

/** Requests that are being carried out at once, probes aside. */
const MAX_RUNNING = 64;

export class AdminConnections {
  readonly #max: number;
  readonly #maxHeldBytes: number;
  readonly #refused: () => void;
  /** Those without a request that is whole. */
  readonly #waiting = new Set<Socket>();
  readonly #answering = new Set<Socket>();
  #running = 0;
  #heldBytes = 0;

  /** `maxHeldBytes`: of bodies that have not come whole. `refused` is told of each connection and request. */
  constructor(max: number, maxHeldBytes: number, refused: () => void) {
    this.#max = max;
    this.#maxHeldBytes = maxHeldBytes;
    this.#refused = refused;
  }

  get size(): number {
    return this.#waiting.size + this.#answering.size;
  }

  opened(socket: Socket): void {
    if (this.size >= this.#max) {
      this.#refused();
      const [oldest] = this.#waiting;
      if (oldest === undefined) return void socket.destroy();
      this.#waiting.delete(oldest);
      oldest.destroy();
    }
    this.#waiting.add(socket);
    socket.once("close", () => this.left(socket));
  }

  /** It is not counted any more. Idempotent. */
  left(socket: Socket): void {
    this.#waiting.delete(socket);
    this.#answering.delete(socket);
  }

  /** A request is whole, and will be carried out. False: too many are. `ended` has to follow otherwise. */
  began(socket: Socket, isProbe: boolean): boolean {
    if (!isProbe && this.#running >= MAX_RUNNING) {
      this.#refused();
      return false;
    }
    if (!isProbe) this.#running++;
    if (this.#waiting.delete(socket)) this.#answering.add(socket);
    return true;
  }

  /** Its answer has left, or will not. */
  ended(socket: Socket, isProbe: boolean): void {
    if (!isProbe) this.#running--;
    if (this.#answering.delete(socket) && !socket.destroyed) this.#waiting.add(socket);
  }

  /** Bytes of a body have come, or are not held any more. False: there is no room for them. */
  holds(bytes: number): boolean {
    this.#heldBytes += bytes;
    if (bytes <= 0 || this.#heldBytes <= this.#maxHeldBytes) return true;
    this.#refused();
    return false;
  }
}
