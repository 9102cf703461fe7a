/**
 * The authenticator seam: from the text of a token to what it proves.
 *
 * An implementer owes an answer for any text, never an exception and never a rejection, within a time that it
 * bounds itself. It checks signature, times, issuer and audience, and the form of every claim; whether the
 * token was revoked is asked afterwards.
 */
import type { ErrorCode } from "@holdfast/protocol";
import type { Grant, Identity } from "./identity.js";

export type Proof =
  /** The identity that was proven. It has no grants. */
  | { readonly kind: "identity"; readonly identity: Identity }
  /** That a user may have a channel. */
  | { readonly kind: "grant"; readonly user: string | undefined; readonly grant: Grant }
  | { readonly kind: "refused"; readonly error: ErrorCode };

export interface Authenticator {
  /** `owner`: on whose behalf, so that checks of one connection do not keep those of others waiting. */
  prove(token: string, owner?: object): Promise<Proof>;
}
