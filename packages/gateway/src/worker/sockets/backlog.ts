/**
 * What waits behind a write that the kernel has not taken. Made when a client stops reading, dropped when it
 * has caught up: a request of Node's for each waiting frame would take several times the memory of the
 * frames.
 *
 * Core bounds it (`maxOutboxBytes`), and the transport what it writes by itself.
 */
export class Backlog {
  /**
   * The answer to the newest ping: it leaves with what waits, and an older one that waits makes way (RFC 6455
   * §5.5.3).
   */
  pong: Uint8Array | undefined = undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Gives the pong its place behind what waits now. */
  settlePong(): void {
    if (this.pong === undefined) return;
    this.add(this.pong);
    this.pong = undefined;
  }

  /** All of it, in order; it is empty then. */
  take(): readonly Uint8Array[] {
    this.settlePong();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }
}
