/**
 * What a subscribe asks of presence: who is there, and to be told who joins and leaves.
 *
 * A command that asks holds the channel's watch from `wishOf` on, and gives it up by `grant` or `cancel`, one
 * of them once.
 */
import { type EncodableResults, type ErrorCode, errors } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import type { Session } from "../connection/session.js";
import type { Subscription } from "../hub/subscription.js";
import type { Watch } from "../presence/watch.js";
import { type ForbiddenParts, forbidden } from "./forbidden.js";

/** As it is in the command. */
export interface PresenceFlags {
  readonly presence?: boolean | undefined;
  readonly joinLeave?: boolean | undefined;
}

export interface PresenceWish {
  readonly watch: Watch;
  readonly listed: boolean;
  readonly told: boolean;
}

/** The part of core that watches presence. */
type Watching = Pick<Context, "presence">;

/** Undefined where nothing is asked. */
export function wishOf(
  parts: ForbiddenParts & Watching & Pick<Context, "namespaces">,
  session: Session,
  channel: string,
  { presence: listed = false, joinLeave: told = false }: PresenceFlags,
): PresenceWish | undefined | ErrorCode {
  if (!listed && !told) return undefined;
  const { access, namespaces, presence } = parts;
  const rule = namespaces.presence(channel);
  if (presence === undefined || rule === undefined) return errors.noPresence;
  if (told && rule.joinLeave === "off") return errors.noPresence;
  if (!access.may(session.identity, channel, "presence"))
    return forbidden(parts, session.identity, channel, "presence");
  return { watch: presence.watches.enter(channel, rule), listed, told };
}

export function isKnown({ presence }: Watching, wished: PresenceWish | undefined): boolean {
  return wished === undefined || presence === undefined || presence.watches.isReady(wished.watch);
}

/** Brings about that it `isKnown`, as far as reading can. Rejects as the broker does. */
export async function learn(parts: Watching, wished: PresenceWish | undefined): Promise<void> {
  if (wished !== undefined && !isKnown(parts, wished)) await parts.presence?.watches.learn(wished.watch);
}

/** The subscription begins: it is told from now on, and this is what came before. */
export function grant(
  { presence }: Watching,
  connection: Connection,
  subscription: Subscription,
  { watch, listed, told }: PresenceWish,
): EncodableResults["subscribe"]["presence"] {
  const snapshot = watch.view.snapshot;
  if (told) presence?.watches.listen(watch, subscription, connection);
  else presence?.watches.release(watch);
  const { joinLeave } = watch.rule;
  return snapshot && { ...snapshot, joinLeave, members: listed ? snapshot.members : [] };
}

export function cancel({ presence }: Watching, wished: PresenceWish | undefined): void {
  if (wished !== undefined) presence?.watches.release(wished.watch);
}
