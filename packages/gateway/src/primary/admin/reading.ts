/**
 * What the admin API reads of one channel, for the whole cluster: who is in it, and its past.
 */
import { readHistoryPage } from "@holdfast/core";
import { errors, historyText, MAX_CURSOR_LENGTH, MAX_HISTORY_LIMIT, namespaceOf } from "@holdfast/protocol";
import {
  type AdminInstance,
  type Endpoint,
  endpoint,
  okJson,
  orUnavailable,
  UNAVAILABLE,
} from "./endpoint.js";
import { badRequest, channel, count, epoch, offset, PAGE_LIMIT, session, user } from "./fields.js";
import { anything, described, flag, integer, list, object, optional, text } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

export const READING: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/api/presence",
    summary: "Read who is in a channel",
    description:
      "On all instances, in pages. Who is there from the first page to the last is in one of them.",
    query: object({
      channel,
      limit: optional(
        described(integer(0, PAGE_LIMIT.max), "Members of the page; 0 asks for the numbers alone."),
      ),
      after: optional(described(text({ max: MAX_CURSOR_LENGTH }), "`next` of the page before.")),
    }),
    success: {
      status: 200,
      description: "A page of the members, and how many there are.",
      schema: object({
        members: list(
          object({ session, user: optional(user), info: optional(described(anything(), "From its token.")) }),
          0,
          PAGE_LIMIT.max,
        ),
        users: described(count, "Different users; each anonymous session counts as one."),
        sessions: count,
        version: described(count, "Rises by one with each join and leave that clients are told of."),
        next: optional(
          described(text({ max: MAX_CURSOR_LENGTH }), "`after` of the next page; left out with the last."),
        ),
      }),
    },
    refusals: { 404: "The channel has no presence.", ...UNAVAILABLE },
    handle: (instance, _, query) => orUnavailable(() => presence(instance, query)),
  }),
  endpoint({
    method: "GET",
    path: "/api/history",
    summary: "Read a channel's history",
    query: object({
      channel,
      limit: optional(integer(0, MAX_HISTORY_LIMIT)),
      reverse: optional(described(flag(), "Newest first.")),
      offset: optional(described(offset, "Begin behind this position; with `epoch`.")),
      epoch: optional(epoch),
    }),
    success: {
      status: 200,
      description: "A page, and the position of the channel's newest publication.",
      schema: object({
        offset,
        epoch,
        publications: list(
          object({ offset, data: anything(), bytes: optional(flag()) }),
          0,
          MAX_HISTORY_LIMIT,
        ),
      }),
    },
    refusals: {
      404: "The channel keeps no history.",
      409: "The history no longer reaches to that position.",
      ...UNAVAILABLE,
    },
    handle: (instance, _, query) => orUnavailable(() => history(instance, query)),
  }),
];

async function presence(
  instance: AdminInstance,
  query: {
    readonly channel: string;
    readonly limit?: number | undefined;
    readonly after?: string | undefined;
  },
): Promise<AdminAnswer> {
  const { channel: name, limit: most = PAGE_LIMIT.default, after: cursor } = query;
  if (!instance.hasPresence(name)) {
    const where = namespaceOf(name);
    const what = where === "" ? "the namespace without a name" : `the namespace ${where}`;
    return adminError(
      404,
      errors.noPresence.name,
      `The channel ${name} has no presence: set ` + `\`presence\` for ${what}.`,
    );
  }
  const { members, next: rest, users, sessions, version } = await instance.presence.read(name, most, cursor);
  const rows = JSON.stringify({ users, sessions, version, ...(rest !== undefined && { next: rest }) });
  // As they are: encoded anew, numbers in `info` would be others.
  return okJson(`{"members":[${members.join(",")}],${rows.slice(1)}`);
}

async function history(
  { broker, retention, maxPublicationBytes }: AdminInstance,
  query: {
    readonly channel: string;
    readonly limit?: number | undefined;
    readonly reverse?: boolean | undefined;
    readonly offset?: number | undefined;
    readonly epoch?: string | undefined;
  },
): Promise<AdminAnswer> {
  const { channel: name, offset: from, epoch: life, limit: most, reverse = false } = query;
  if ((from === undefined) !== (life === undefined))
    return adminError(400, badRequest, "offset and epoch go together: both name one position.");
  const kept = retention(name);
  if (kept === undefined)
    return adminError(
      404,
      "no_history",
      `The channel ${name} keeps no history; see the setting \`historySize\`.`,
    );
  const since = from === undefined || life === undefined ? undefined : { offset: from, epoch: life };
  const asked = {
    channel: name,
    reverse,
    ...(most !== undefined && { limit: most }),
    ...(since && { since }),
  };
  const answer = await readHistoryPage(broker, kept, asked, maxPublicationBytes);
  if ("error" in answer) return adminError(409, answer.error.name, answer.error.message);
  return okJson(historyText(answer.result));
}
