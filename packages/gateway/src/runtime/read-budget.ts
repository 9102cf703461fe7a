/**
 * The read budget: how many bytes one handle may bring in a turn of the event loop.
 *
 * libuv reads up to 32 times 64 KiB of one handle before it looks at the next, so a few clients that send as
 * fast as they can would hold the loop for all others. A handle that has used up its budget is stopped and
 * goes on in the next turn. Invariant: a handle is stopped for one turn at most; nothing that it sent is
 * lost, since it waits in the kernel. Costs a comparison and an addition for each read, and nothing for each
 * connection.
 */

/** What is stopped and started. */
export interface Readable {
  readStop(): number;
  readStart(): number;
}

/** Two full reads. A message of the default `maxPayload` fits into one. */
const MAX_BYTES = 128 * 1024;

export class ReadBudget {
  readonly #maxBytes: number;
  /** The handle that was read last, and the bytes that it brought since another one was. */
  #last: Readable | undefined;
  #bytes = 0;
  #stopped: Readable[] = [];

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The handle brought bytes. Stops it where it has used up its budget. */
  read(handle: Readable, bytes: number): void {
    if (handle !== this.#last) {
      this.#last = handle;
      this.#bytes = bytes;
    } else this.#bytes += bytes;
    if (this.#bytes >= this.#maxBytes) this.#stop(handle);
  }

  #stop(handle: Readable): void {
    this.#last = undefined;
    handle.readStop();
    if (this.#stopped.push(handle) === 1) setImmediate(() => this.#goOn());
  }

  /** A handle that was closed meanwhile answers with an error code, which says nothing new. */
  #goOn(): void {
    const stopped = this.#stopped;
    this.#stopped = [];
    for (const handle of stopped) handle.readStart();
  }
}
