/**
 * Wishes: an operator asks one instance for a rebalance, and all instances are to hear of it.
 *
 * The instance says the wish beside its load for a while. Invariant: a wish counts once at each instance,
 * however often it is heard.
 */

/** For how long a wish is said: several times as long as the others need to hear it. */
const SAID_MS = 20_000;

export class Wishes {
  readonly #random: () => number;
  #own: { readonly id: string; readonly until: number } | undefined;
  /** The last one that each other instance has said. */
  readonly #heard = new Map<string, string>();

  constructor(random: () => number) {
    this.#random = random;
  }

  make(now: number): void {
    this.#own = { id: this.#random().toString(36).slice(2, 12), until: now + SAID_MS };
  }

  /** What to say now. */
  own(now: number): string | undefined {
    return this.#own !== undefined && this.#own.until > now ? this.#own.id : undefined;
  }

  /** What all others say now. True when there is a new wish. */
  hear(others: readonly { readonly instance: string; readonly asked?: string | undefined }[]): boolean {
    let isNew = false;
    for (const { instance, asked } of others) {
      if (asked === undefined || this.#heard.get(instance) === asked) continue;
      this.#heard.set(instance, asked);
      isNew = true;
    }
    const names = new Set(others.map(({ instance }) => instance));
    for (const name of this.#heard.keys()) if (!names.has(name)) this.#heard.delete(name);
    return isNew;
  }
}
