/**
 * The query of `/ws` and `/sse`: channels, format, session id and cursor, from the raw text.
 *
 * Commas separate channels before percent-decoding, so a channel may have a comma in its name (`%2C`); a plus
 * sign is a plus sign, because no channel has a space. Unknown parameters are ignored: load balancers and
 * pages add their own. Pure; any text in, a value out. The length of the query is bounded by the head's
 * limit.
 */
import { CODEC_ROWS, type CodecRow } from "@holdfast/core";
import { channelProblem, type ErrorCode, errors } from "@holdfast/protocol";
import type { Notice } from "./noticed.js";

export interface UpgradeQuery {
  readonly kind: "query";
  /** Undefined: the client will say so in its `connect` command. */
  readonly channels: readonly string[] | undefined;
  readonly format: string | undefined;
  /** The session that the client wants to go on with. */
  readonly sid: string | undefined;
  /** Where an event stream goes on. */
  readonly cursor: string | undefined;
  /** The requester, read once. */
  readonly ticket: string | undefined;
  /** Only where tokens are taken from the URL. */
  readonly token: string | undefined;
}

export interface QueryRules {
  /** Channels that one URL may name. */
  readonly maxChannels: number;
  readonly tokenInUrl: boolean;
  /** The codecs that a client may ask for. */
  readonly codecs?: readonly CodecRow[] | undefined;
  /** Told of what was probably meant otherwise. */
  readonly notice?: Notice | undefined;
}

export interface QueryProblem {
  readonly kind: "problem";
  readonly error: ErrorCode;
  /** A sentence about this request. */
  readonly message: string;
}

/** What is written where `channels` is meant. */
const NEAR_CHANNELS = /^(channels?(\[\]|%5B%5D)?|topics?)$/i;
const MAX_SHOWN = 60;

const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
const SESSION_ID = /^[A-Za-z0-9_-]{20}$/;

/** `raw` is what follows the question mark. */
export function parseUpgradeQuery(raw: string, rules: QueryRules): UpgradeQuery | QueryProblem {
  if (!VISIBLE_ASCII.test(raw)) {
    return problem(errors.badRequest, "The query has a character that must be percent-encoded.");
  }
  const found: FoundParameters = {};
  for (const pair of raw.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? "" : pair.slice(equals + 1);
    const wrong = addParameter(found, name, value, rules);
    if (wrong !== undefined) return wrong;
  }
  const { channels, format, sid, cursor, ticket, token } = found;
  return (
    problemOfAll(found, rules) ?? {
      kind: "query",
      channels: channels && [...channels],
      format,
      sid,
      cursor,
      ticket,
      token,
    }
  );
}

/** The parameters of a query so far, each as its last occurrence says; channels add up. */
interface FoundParameters {
  channels?: Set<string>;
  format?: string;
  sid?: string | undefined;
  cursor?: string | undefined;
  ticket?: string;
  token?: string;
  /** The first parameter that was written where `channels` is meant. */
  near?: { readonly name: string; readonly value: string };
}

function addParameter(
  found: FoundParameters,
  name: string,
  value: string,
  { maxChannels, tokenInUrl, codecs = CODEC_ROWS }: QueryRules,
): QueryProblem | undefined {
  switch (name) {
    case "channels":
      found.channels ??= new Set();
      return addChannels(found.channels, value, maxChannels);
    case "format":
      if (!codecs.some((row) => row.format === value)) return unknownFormat(value, codecs);
      found.format = value;
      return undefined;
    case "sid":
      found.sid = SESSION_ID.test(value) ? value : undefined;
      return undefined;
    case "ticket":
      found.ticket = value;
      return undefined;
    case "cursor":
      found.cursor = decode(value);
      return undefined;
    case "token":
      if (!tokenInUrl) {
        return problem(
          errors.badRequest,
          "Tokens are not taken from the URL, where logs and proxies keep them; send it in `connect`.",
        );
      }
      // A token has no character that would have to be encoded.
      found.token = value;
      return undefined;
    default:
      if (NEAR_CHANNELS.test(name)) found.near ??= { name, value };
      return undefined;
  }
}

function unknownFormat(value: string, codecs: readonly CodecRow[]): QueryProblem {
  const known = codecs.flatMap((row) => (row.format === undefined ? [] : `\`${row.format}\``));
  return problem(
    errors.badRequest,
    `\`format\` must be one of ${known.join(", ")}, not ${JSON.stringify(value.slice(0, MAX_SHOWN))}.`,
  );
}

/** What is wrong with the parameters together, each of which is right. */
function problemOfAll(
  { channels, format, sid, near }: FoundParameters,
  { notice, codecs = CODEC_ROWS }: QueryRules,
): QueryProblem | undefined {
  if (near !== undefined && channels === undefined && sid === undefined) {
    const name = near.name.slice(0, MAX_SHOWN);
    const message = `\`${name}\` is not read: write \`?channels=${near.value.slice(0, MAX_SHOWN)}\`, more of them separated by commas.`;
    notice?.(name, message);
    return problem(errors.badRequest, message);
  }
  const isSilent = codecs.some((row) => row.format === format && row.speaking === undefined);
  if (format === undefined || !isSilent || channels !== undefined) return undefined;
  return problem(
    errors.badRequest,
    `\`format=${format}\` needs \`channels\`: without them there is no data to send.`,
  );
}

function addChannels(channels: Set<string>, value: string, maxChannels: number): QueryProblem | undefined {
  // `channels=` alone names none: such a client hears broadcasts only.
  if (value === "") return undefined;
  for (const encoded of value.split(",")) {
    const channel = decode(encoded);
    if (channel === undefined) {
      return problem(
        errors.badRequest,
        "`channels` is not valid percent-encoding of UTF-8: write each name with encodeURIComponent.",
      );
    }
    const wrong = channelProblem(channel);
    if (channel === "") return problem(errors.badChannel, "`channels` has an empty name: leave a comma out.");
    const shown = JSON.stringify(channel.slice(0, MAX_SHOWN));
    if (wrong !== undefined) return problem(errors.badChannel, `The name ${shown} in \`channels\` ${wrong}.`);
    channels.add(channel);
    if (channels.size > maxChannels) {
      return problem(errors.limitChannels, `\`channels\` names more than ${maxChannels}.`);
    }
  }
  return undefined;
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function problem(error: ErrorCode, message: string): QueryProblem {
  return { kind: "problem", error, message };
}
