/**
 * What waits behind a write that the kernel has not taken. Made when a client stops reading, dropped when it
 * has caught up: a request of Node's for each waiting frame would take several times the memory of the
 * frames.
 *
 * Core bounds it (`maxOutboxBytes`), and the transport what it writes by itself.
 */
export class UnsentBytes {
  /**
   * Bytes of which only the newest are kept, such as the answer to a ping (RFC 6455 §5.5.3). They leave
   * behind what waits.
   */
  newest: Uint8Array | undefined = undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Gives the newest their place behind what waits now. */
  settleNewest(): void {
    if (this.newest === undefined) return;
    this.add(this.newest);
    this.newest = undefined;
  }

  /** All of it, in order; it is empty then. */
  take(): readonly Uint8Array[] {
    this.settleNewest();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }
}
