/**
 * Identity: the user that a connection speaks for, and what was granted to it.
 *
 * Made where a token is checked, and never changed: a session that gets more, or less, gets another one.
 * All clients without a token share `ANONYMOUS`, so that an anonymous session holds nothing of its own.
 */

/** What may be done with a channel. */
export const VERBS = Object.freeze(["subscribe", "publish", "presence", "history"] as const);

export type Verb = (typeof VERBS)[number];

/** What a token allows on all channels that a pattern matches; `channel-pattern.ts` says which. */
export interface Permission {
  readonly match: string;
  readonly verbs: readonly Verb[];
}

/** What was allowed on one channel beside the token: by a subscription token, or by the backend. */
export interface Grant {
  readonly channel: string;
  readonly verbs: readonly Verb[];
  /** Until when, ms since 1970; undefined: as long as the session. */
  readonly expiresAt?: number | undefined;
  /** The id of the subscription token, if it has one. */
  readonly tokenId?: string | undefined;
  /** When the subscription token was issued, ms since 1970, if it says so. */
  readonly issuedAt?: number | undefined;
}

export interface Identity {
  /** Undefined for an anonymous client. */
  readonly user?: string | undefined;
  /** Until when it is good here, ms since 1970; undefined: it does not end. */
  readonly expiresAt?: number | undefined;
  /** When its token was issued, ms since 1970, if the token says so. */
  readonly issuedAt?: number | undefined;
  /** The id of its token, if it has one: what a revocation names. */
  readonly tokenId?: string | undefined;
  /** What presence shows beside the user, as JSON text. */
  readonly info?: string | undefined;
  readonly permissions?: readonly Permission[] | undefined;
  /** Channels that the server subscribes at connect. */
  readonly subs?: readonly string[] | undefined;
  /** At most one per channel. */
  readonly grants?: readonly Grant[] | undefined;
}

export const ANONYMOUS: Identity = Object.freeze({});

/** The identity with this grant, in the place of an earlier one for the channel. */
export function withGrant(identity: Identity, grant: Grant): Identity {
  return { ...identity, grants: [...others(identity, grant.channel), grant] };
}

/** The identity without a grant for the channel; the same one where there is none. */
export function withoutGrant(identity: Identity, channel: string): Identity {
  if (grantOf(identity, channel) === undefined) return identity;
  const grants = others(identity, channel);
  return { ...identity, grants: grants.length === 0 ? undefined : grants };
}

export function grantOf({ grants }: Identity, channel: string): Grant | undefined {
  return grants?.find((grant) => grant.channel === channel);
}

function others({ grants = [] }: Identity, channel: string): Grant[] {
  return grants.filter((grant) => grant.channel !== channel);
}
