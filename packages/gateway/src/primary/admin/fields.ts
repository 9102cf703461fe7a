/**
 * What several endpoints of the admin API ask for or answer with.
 */
import { isIP } from "node:net";
import { MAX_SUBJECT_LENGTH, subjectOf } from "@holdfast/core";
import { channelProblem, errors, MAX_CHANNEL_BYTES, MAX_KEY_LENGTH } from "@holdfast/protocol";
import { anything, described, integer, object, optional, type Schema, text } from "./schema.js";

/** Entries of one page of a list. */
export const PAGE_LIMIT = Object.freeze({ default: 100, max: 1000 });

const EARLIEST_MS = 0;

export const channel: Schema<string> = described(
  text({ max: MAX_CHANNEL_BYTES, because: (name) => sentence(channelProblem(name)) }),
  "A channel's name.",
);

export const user: Schema<string> = described(
  text({
    max: MAX_SUBJECT_LENGTH,
    because: (id) =>
      channelProblem(`user:${id}`) === undefined
        ? undefined
        : "cannot be a user's id: `user:<id>` has to be a channel's name",
  }),
  "A user's id: the claim `sub` of its tokens.",
);

export const address: Schema<string> = described(
  text({
    max: 64,
    because: (value) => (isIP(value.replace(/\/64$/, "")) === 0 ? "is not an IP address" : undefined),
  }),
  "An IPv4 or IPv6 address; of IPv6 its network of /64 is meant, as limits count it.",
);

export const token: Schema<string> = described(
  text({ max: MAX_SUBJECT_LENGTH }),
  "A token's id: its claim `jti`.",
);

export const session: Schema<string> = described(
  text({
    min: 16,
    max: 20,
    because: (sid) => (typeof subjectOf({ session: sid }) === "object" ? "is not a session id" : undefined),
  }),
  "A session id, or its last 16 characters, which are what counts: the first four change when the session moves.",
);

export const data: Schema<unknown> = described(anything(), "Any JSON value.");

export const key: Schema<string> = described(
  text({ max: MAX_KEY_LENGTH }),
  "Makes a retry harmless: what is published with the same key in the same channel within two minutes is published once.",
);

export const timestamp: Schema<number> = described(integer(EARLIEST_MS), "ms since 1970.");

export const count: Schema<number> = integer(0);

export const limit: Schema<number> = integer(1, PAGE_LIMIT.max);

export const after: Schema<string> = described(
  text({ min: 0, max: MAX_CHANNEL_BYTES }),
  "`next` of the page before.",
);

export const offset: Schema<number> = described(
  integer(0),
  "Counts the publications of a channel with history.",
);
export const epoch: Schema<string> = described(
  text({ max: 64 }),
  "The life of the channel's history that the offset counts in.",
);

/** Where a publication is in its channel's history, if that is kept. */
export const position = object({ offset: optional(offset), epoch: optional(epoch) });

export const refusal = object({
  error: object({
    name: described(text({ max: 64 }), "For programs."),
    message: described(text({ max: 4096 }), "For people: what, where, and what to do."),
  }),
});

export const nothing = object({});

export const badRequest = errors.badRequest.name;

function sentence(problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `is a channel's name that ${problem}`;
}
