/**
 * The check of tokens, loaded at the start of a worker that has keys: the others have no copy of jose.
 *
 * Invariant: all of it is loaded from then on, whatever becomes of the files on disk.
 */
import type { Authenticator, Proof } from "@holdfast/core";
import type { TokenAuthenticator, TokenOptions, TokenParts } from "./token.js";

export class LoadedTokens implements Authenticator {
  readonly #loaded: Promise<TokenAuthenticator>;

  constructor(options: TokenOptions, parts: TokenParts) {
    this.#loaded = import("./token.js").then((module) => new module.TokenAuthenticator(options, parts));
  }

  async prove(token: string, owner?: object): Promise<Proof> {
    return (await this.#loaded).prove(token, owner);
  }
}
