/**
 * Channel names: the grammar, and the namespace that selects a channel's options.
 *
 * name = rest | namespace ":" rest; 1–255 bytes of UTF-8; printable, no space, no control, no lone surrogate.
 * Names compare by code units: nothing is folded or normalised, so look-alikes are different channels.
 */
import { MAX_CHANNEL_BYTES } from "./limits.js";

const PLAIN_ASCII = /^[\x21-\x7e]+$/;
/**
 * Anything that cannot be seen or could hide: controls, formats, private use, lone surrogates, separators,
 * noncharacters. Not `\p{C}`: it has the unassigned too, and what is unassigned depends on the Unicode
 * version of the runtime, so that the workers of one cluster could disagree about a name.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Z}\p{Noncharacter_Code_Point}]/u;
const NAMESPACE = /^[A-Za-z0-9_-]+$/;

/** Why `name` is not a channel name, as the end of a sentence, or undefined when it is one. */
export function channelProblem(name: string): string | undefined {
  if (name.length === 0) return "is empty";
  if (name.length > MAX_CHANNEL_BYTES) return `is longer than ${MAX_CHANNEL_BYTES} bytes`;
  if (!PLAIN_ASCII.test(name)) {
    const hidden = UNPRINTABLE.exec(name);
    if (hidden !== null) return unprintableProblem(name, hidden);
    if (utf8Length(name) > MAX_CHANNEL_BYTES) return `is longer than ${MAX_CHANNEL_BYTES} bytes`;
  }
  const colon = name.indexOf(":");
  if (colon === -1) return undefined;
  if (!NAMESPACE.test(name.slice(0, colon)))
    return "has a namespace, the part before its first colon, outside A-Z a-z 0-9 _ -";
  if (colon === name.length - 1) return "has nothing after the colon of its namespace";
  return undefined;
}

/** Names the character and its place, both of which an editor or a terminal may not show. */
function unprintableProblem(name: string, { 0: hidden, index }: RegExpExecArray): string {
  const place = `(character ${[...name.slice(0, index)].length + 1})`;
  if (hidden === " ") return `has a space ${place}: write - or _ in its place`;
  const point = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `has a character that cannot be printed, U+${point} ${place}: leave it out`;
}

/** True when `name` follows the grammar. */
export function isChannelName(name: string): boolean {
  return channelProblem(name) === undefined;
}

/** The part before the first colon; the empty string names the default namespace. */
export function namespaceOf(channel: string): string {
  const colon = channel.indexOf(":");
  return colon === -1 ? "" : channel.slice(0, colon);
}

/** The user that `user:<id>` belongs to, or undefined for any other channel. */
export function userOf(channel: string): string | undefined {
  return channel.startsWith("user:") ? channel.slice("user:".length) : undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
