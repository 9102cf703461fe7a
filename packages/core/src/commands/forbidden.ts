/**
 * Forbidden: the answer to a command that its connection may not carry out, and what an operator's log says
 * of it.
 *
 * The client is told the verb, the channel that it named, and what would allow it: all of that is in the
 * docs, and nothing says what others may do or whether the channel exists. The log has one line for each verb
 * and namespace in a while. Invariant: a client cannot fill the log by asking (`SparseLog`).
 */
import { type ErrorCode, errors, namespaceOf, userOf } from "@holdfast/protocol";
import { ANONYMOUS, type Identity, type Verb } from "../access/identity.js";
import type { Context } from "../connection/context.js";

/** Characters of a channel's name that a message repeats. */
const MAX_SHOWN = 60;

const ACTS: Readonly<Record<Verb, string>> = Object.freeze({
  subscribe: "subscribe to",
  publish: "publish to",
  presence: "see who is in",
  history: "read the history of",
});

/** The parts of core that a refusal uses. */
export type ForbiddenParts = Pick<Context, "access" | "sparseLog">;

/** Why `identity` may not do `verb` on the channel: one row of the table, with a sentence of its own. */
export function forbidden(
  { access, sparseLog }: ForbiddenParts,
  identity: Identity | undefined,
  channel: string,
  verb: Verb,
): ErrorCode {
  const who = identity ?? ANONYMOUS;
  const remedy = remedyFor(access.mode, who, channel, verb);
  const namespace = namespaceOf(channel);
  const fields = { verb, channel: shorten(channel), user: who.user, remedy };
  sparseLog.info("forbidden", `${verb} ${namespace}`, fields, "refused what a client may not do");
  return {
    ...errors.forbidden,
    message: `This connection may not ${ACTS[verb]} ${JSON.stringify(shorten(channel))}: ${remedy}.`,
  };
}

function remedyFor(
  mode: ForbiddenParts["access"]["mode"],
  who: Identity,
  channel: string,
  verb: Verb,
): string {
  const owner = userOf(channel);
  if (owner !== undefined && owner !== who.user)
    return "a channel `user:<id>` is for that user alone, as its token says in `sub`";
  const namespace = namespaceOf(channel);
  const entry = `namespaces.${namespace === "" ? '""' : namespace}`;
  const byToken = `a token whose \`channels\` name it with the verb \`${verb}\` does`;
  if (verb !== "publish") return `nothing allows it; ${byToken}, and so does the setting \`${entry}.public\``;
  const bySetting = `the setting \`${entry}.clientPublish\``;
  return mode === "open"
    ? `clients publish where ${bySetting} is true`
    : `nothing allows it; ${byToken}, and so does ${bySetting} where the channel is public`;
}

function shorten(channel: string): string {
  return channel.length > MAX_SHOWN ? `${channel.slice(0, MAX_SHOWN)}…` : channel;
}
