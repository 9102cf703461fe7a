/**
 * A conflation: the newest publications of one channel, one for each key, while subscribers with the policy
 * `latest` are behind. All of them share it, so what waits for them costs the channel and not each
 * subscriber.
 *
 * Each push that goes by gets a number; a subscriber that is behind keeps only the numbers between which it
 * missed everything. A gap of the channel itself makes everything before it worthless: what it left behind
 * may have changed since. Invariants: the newest publication is here whatever its size; beyond it at most
 * `MAX_KEYS` and `maxChars`, the oldest go first.
 */
import { type Data, memberText } from "@holdfast/protocol";
import type { Batch, Numbers, Pushed } from "./batch.js";
import { weightOf } from "./push.js";

/** Keys of one channel: more are not the state of something, but a stream. */
const MAX_KEYS = 1024;

interface Kept {
  readonly number: number;
  readonly pushed: Pushed;
}

export class Conflation {
  /** Subscriptions that are behind and need it; owned by `SlowConsumers`. */
  users = 0;
  readonly #field: string | undefined;
  readonly #maxChars: number;
  /** By key, in the order of publication. */
  readonly #newest = new Map<string, Kept>();
  #chars = 0;
  #last = 0;

  /**
   * `field`: the data's field that is the key; without it the channel has one. `maxChars`: frames'
   * characters.
   */
  constructor(field: string | undefined, maxChars: number) {
    this.#field = field;
    this.#maxChars = maxChars;
  }

  /** Takes over a batch that a subscription is not sent, once. */
  take(batch: Batch): Numbers {
    if (batch.conflated?.by === this) return batch.conflated.numbers;
    const after = this.#last;
    for (const pushed of batch.pushed) this.#add(pushed, ++this.#last);
    const numbers = { after, upTo: this.#last };
    batch.conflated = { by: this, numbers };
    return numbers;
  }

  /** The newest publications that have a number of these, in their order. */
  between({ after, upTo }: Numbers): readonly Pushed[] {
    const found: Pushed[] = [];
    for (const { number, pushed } of this.#newest.values())
      if (number > after && number <= upTo) found.push(pushed);
    return found;
  }

  #add(pushed: Pushed, number: number): void {
    if (pushed.data === undefined) {
      this.#newest.clear();
      this.#chars = 0;
      return;
    }
    const key = this.#field === undefined ? "" : keyOf(pushed.data, this.#field);
    this.#remove(key);
    this.#newest.set(key, { number, pushed });
    this.#chars += weightOf(pushed.push);
    while (this.#newest.size > 1 && (this.#newest.size > MAX_KEYS || this.#chars > this.#maxChars)) {
      const [oldest = ""] = this.#newest.keys();
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const kept = this.#newest.get(key);
    if (kept !== undefined) this.#chars -= weightOf(kept.pushed.push);
    this.#newest.delete(key);
  }
}

/**
 * Bytes, and data without the field or with something else than text or a number in it, have the key "". A
 * number that no double has exactly is its own text: two ids of 64 bits would be one.
 */
function keyOf(data: Data, field: string): string {
  if (typeof data !== "string") return "";
  const text = data.trimStart().startsWith("{") ? memberText(data, field) : undefined;
  const key: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof key === "number") return Number.isSafeInteger(key) ? String(key) : (text ?? "");
  return typeof key === "string" ? key : "";
}
