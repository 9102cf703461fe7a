/**
 * Access: whether an identity may do something with a channel.
 *
 * Pure. In an `open` gateway no client has proven anything: all may subscribe, read and see who is there, and
 * publish where the namespace lets clients. In a `private` one something has to allow each verb: the
 * namespace by being `public`, a pattern of the token, its server-side subscriptions, or a grant for the
 * channel. Invariant: no rule gives a verb on `user:<id>` to any client but that user's.
 */
import { userOf } from "@holdfast/protocol";
import type { Namespaces } from "../namespace.js";
import { matches } from "./channel-pattern.js";
import { grantOf, type Identity, type Verb } from "./identity.js";

export type AccessMode = "open" | "private";

export class Access {
  readonly mode: AccessMode;
  readonly #namespaces: Namespaces;

  constructor(mode: AccessMode, namespaces: Namespaces) {
    this.mode = mode;
    this.#namespaces = namespaces;
  }

  may(identity: Identity, channel: string, verb: Verb): boolean {
    const owner = userOf(channel);
    if (owner !== undefined && owner !== identity.user) return false;
    const { clientPublish = false, public: isPublic = false } = this.#namespaces.of(channel);
    const isOpen = this.mode === "open" || isPublic || owner !== undefined;
    if (isOpen && (verb !== "publish" || clientPublish)) return true;
    return this.mode === "private" && granted(identity, channel, verb);
  }
}

/** What was given to this identity and to no other. */
function granted(identity: Identity, channel: string, verb: Verb): boolean {
  const { permissions, subs } = identity;
  if (permissions?.some(({ match, verbs }) => verbs.includes(verb) && matches(match, channel))) return true;
  if (verb === "subscribe" && subs?.includes(channel)) return true;
  return grantOf(identity, channel)?.verbs.includes(verb) === true;
}
