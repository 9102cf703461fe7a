/**
 * The outbox: what was written to a connection and not yet taken by the kernel. Its bytes wait in the transport, so
 * that a connection which keeps up has no queue of its own; this file owns the limit.
 *
 * A connection over the limit is a slow consumer. It is ended with the code `slow` instead of silently missing
 * publications, and comes back knowing that it missed some. One batch larger than the limit passes: only what was
 * already waiting counts.
 */
import type { Transport } from "./transport.js";

export class Outbox {
  readonly #maxBytes: number;

  /** `maxBytes`: bytes that may wait for one connection. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True when more may be written to `transport`. */
  hasRoom(transport: Transport): boolean {
    return transport.bufferedBytes <= this.#maxBytes;
  }
}
