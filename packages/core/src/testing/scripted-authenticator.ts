/**
 * An authenticator whose tokens are the names that a test gave them.
 */
import { errors } from "@holdfast/protocol";
import type { Authenticator, Proof } from "../access/authenticator.js";
import type { Grant, Identity } from "../access/identity.js";

export class ScriptedAuthenticator implements Authenticator {
  /** How often it was asked. */
  asked = 0;
  readonly #proofs = new Map<string, Proof>();

  /** `token` proves this identity from now on. */
  knows(token: string, identity: Identity): void {
    this.#proofs.set(token, { kind: "identity", identity });
  }

  /** `token` is a subscription token from now on. */
  grants(token: string, user: string | undefined, grant: Grant): void {
    this.#proofs.set(token, { kind: "grant", user, grant });
  }

  prove(token: string): Promise<Proof> {
    this.asked++;
    return Promise.resolve(this.#proofs.get(token) ?? { kind: "refused", error: errors.badToken });
  }
}
