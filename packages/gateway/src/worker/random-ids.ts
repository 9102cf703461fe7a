/**
 * Random parts of session ids: 96 bits from the system's generator, drawn for many at once.
 *
 * One draw costs about as much as the rest of a small handshake's bookkeeping, whatever its size.
 * Invariant: no byte is used twice.
 */
import { randomFillSync } from "node:crypto";

const ID_BYTES = 12;
const IDS_PER_DRAW = 256;

export class RandomIds {
  readonly #pool = Buffer.alloc(ID_BYTES * IDS_PER_DRAW);
  #used = this.#pool.length;

  /** 16 characters of [A-Za-z0-9_-]. */
  next(): string {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const id = this.#pool.toString("base64url", this.#used, this.#used + ID_BYTES);
    this.#used += ID_BYTES;
    return id;
  }
}
