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
export function parseUpgradeQuery(
  raw: string,
  { maxChannels, tokenInUrl, notice, codecs = CODEC_ROWS }: QueryRules,
): UpgradeQuery | QueryProblem {
  if (!VISIBLE_ASCII.test(raw)) {
    return problem(errors.badRequest, "The query has a character that must be percent-encoded.");
  }
  let channels: Set<string> | undefined;
  let format: string | undefined;
  let sid: string | undefined;
  let cursor: string | undefined;
  let ticket: string | undefined;
  let token: string | undefined;
  let near: { readonly name: string; readonly value: string } | undefined;
  for (const pair of raw.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? "" : pair.slice(equals + 1);
    switch (name) {
      case "channels": {
        channels ??= new Set();
        const found = addChannels(channels, value, maxChannels);
        if (found !== undefined) return found;
        break;
      }
      case "format":
        if (!codecs.some((row) => row.format === value)) {
          const known = codecs.flatMap((row) => (row.format === undefined ? [] : `\`${row.format}\``));
          return problem(
            errors.badRequest,
            `\`format\` must be ${known.join(" or ")}, not ${JSON.stringify(value.slice(0, MAX_SHOWN))}.`,
          );
        }
        format = value;
        break;
      case "sid":
        sid = SESSION_ID.test(value) ? value : undefined;
        break;
      case "ticket":
        ticket = value;
        break;
      case "cursor":
        cursor = decode(value);
        break;
      case "token":
        if (!tokenInUrl) {
          return problem(
            errors.badRequest,
            "Tokens are not taken from the URL, where logs and proxies keep them; send it in `connect`.",
          );
        }
        // A token has no character that would have to be encoded.
        token = value;
        break;
      default:
        if (NEAR_CHANNELS.test(name)) near ??= { name, value };
    }
  }
  if (near !== undefined && channels === undefined && sid === undefined) {
    const name = near.name.slice(0, MAX_SHOWN);
    const message = `\`${name}\` is not read: write \`?channels=${near.value.slice(0, MAX_SHOWN)}\`, more of them separated by commas.`;
    notice?.(name, message);
    return problem(errors.badRequest, message);
  }
  const isSilent = codecs.some((row) => row.format === format && row.speaking === undefined);
  if (format !== undefined && isSilent && channels === undefined) {
    return problem(
      errors.badRequest,
      `\`format=${format}\` needs \`channels\`: without them there is no data to send.`,
    );
  }
  return { kind: "query", channels: channels && [...channels], format, sid, cursor, ticket, token };
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
