/**
 * Where the token of an attempt comes from.
 *
 * `getToken` is asked before each attempt, because a token may have expired while there was no connection.
 * Invariant: it runs at most once at a time; an attempt that begins meanwhile shares the answer. One that
 * takes too long is forgotten, so that a promise which never settles does not keep the client away for ever.
 */

/** May return nothing for an anonymous connection. */
export type GetToken = () => string | undefined | null | Promise<string | undefined | null>;

export class TokenProvider {
  readonly #get: GetToken;
  #pending: Promise<string | undefined> | undefined;

  constructor(get: GetToken) {
    this.#get = get;
  }

  get(): Promise<string | undefined> {
    if (this.#pending !== undefined) return this.#pending;
    const asked = this.#ask().finally(() => {
      if (this.#pending === asked) this.#pending = undefined;
    });
    this.#pending = asked;
    return asked;
  }

  /** Lets the next `get` ask anew. */
  forgetPending(): void {
    this.#pending = undefined;
  }

  async #ask(): Promise<string | undefined> {
    return (await this.#get()) ?? undefined;
  }
}
