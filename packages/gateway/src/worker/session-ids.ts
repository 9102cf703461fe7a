/**
 * Session ids: the owner's four characters and 96 bits from the system's generator, drawn for many at once.
 *
 * One draw costs about as much as the rest of a small handshake's bookkeeping, whatever its size. Owner and
 * random part are encoded together: V8 would keep two strings that are joined as three objects.
 * Invariant: no random byte is used twice.
 */
import { randomFillSync } from "node:crypto";
import { MAX_GENERATIONS, type Owner } from "@holdfast/protocol";

/** Four characters of base64, as `ownerPrefix` makes them: 8 bits slot, 16 bits generation. */
const OWNER_BYTES = 3;
const RANDOM_BYTES = 12;
const ID_BYTES = OWNER_BYTES + RANDOM_BYTES;
const IDS_PER_DRAW = 256;

export class SessionIds {
  readonly #owner: number;
  readonly #pool = Buffer.alloc(ID_BYTES * IDS_PER_DRAW);
  #used = this.#pool.length;

  constructor({ slot, generation }: Owner) {
    this.#owner = slot * MAX_GENERATIONS + generation;
  }

  /** 20 characters of [A-Za-z0-9_-]. */
  next(): string {
    if (this.#used === this.#pool.length) this.#draw();
    const id = this.#pool.toString("base64url", this.#used, this.#used + ID_BYTES);
    this.#used += ID_BYTES;
    return id;
  }

  #draw(): void {
    randomFillSync(this.#pool);
    for (let at = 0; at < this.#pool.length; at += ID_BYTES) {
      this.#pool.writeUIntBE(this.#owner, at, OWNER_BYTES);
    }
    this.#used = 0;
  }
}
