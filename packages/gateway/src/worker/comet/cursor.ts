/**
 * The cursor: where a comet client stands, as text that it carries for us, so that any worker can go on.
 *
 *     [sid] ";" [number] ";" [token] ";" [channel ["=" offset ":" epoch] *("," …)]
 *
 * Channels and epochs are percent-encoded, so the text is printable ASCII and fits in a header, a query and a
 * JSON string as it is. Opaque to clients, and a secret where it has a token. Any text may be given to
 * `decodeCursor`.
 */
import { isChannelName, isPosition, type Position, type Resume, SESSION_ID } from "@holdfast/protocol";

/** How far a client was given which channel; undefined for a channel without history. */
export type Positions = ReadonlyMap<string, Position | undefined>;

export interface Cursor {
  readonly sid: string | undefined;
  /** Which batch it came with, where batches are counted. */
  readonly number: number;
  /** What proves that its bearer is the session's client. */
  readonly token: string | undefined;
  readonly positions: Positions;
}

/** Of what stands for a token while none can be made: no token is as short. */
export const NONCE_LENGTH = 24;

/** Far beyond 128 channels with long names. */
export const MAX_CURSOR_LENGTH = 128 * 1024;

const NUMBER = /^\d{0,15}$/;

/** The part in front of the positions. */
export function cursorHead(sid = "", number: number | "" = "", token = ""): string {
  return `${sid};${number};${token};`;
}

export function encodeCursor(
  head: string,
  positions: Iterable<readonly [string, Position | undefined]>,
): string {
  let text = "";
  for (const [channel, position] of positions) {
    text += `${text === "" ? "" : ","}${encodeURIComponent(channel)}`;
    if (position !== undefined) text += `=${position.offset}:${encodeURIComponent(position.epoch)}`;
  }
  return head + text;
}

/** The cursor, or undefined when this is none. `maxChannels`: how many it may name. */
export function decodeCursor(text: string, maxChannels: number): Cursor | undefined {
  if (text.length > MAX_CURSOR_LENGTH) return undefined;
  const [sid, number, token, channels, ...rest] = text.split(";", 5);
  if (sid === undefined || number === undefined || token === undefined || channels === undefined)
    return undefined;
  if (rest.length > 0 || !NUMBER.test(number) || (sid !== "" && !SESSION_ID.test(sid))) return undefined;
  const positions = decodePositions(channels, maxChannels);
  if (positions === undefined) return undefined;
  return { sid: sid || undefined, number: Number(number), token: token || undefined, positions };
}

/** What the session of this cursor goes on with, if it can be proven. */
export function resumeOf(cursor: Cursor | undefined): Resume | undefined {
  const { sid, token = "" } = cursor ?? {};
  return sid === undefined || token.length <= NONCE_LENGTH ? undefined : { sid, token };
}

function decodePositions(text: string, maxChannels: number): Positions | undefined {
  const positions = new Map<string, Position | undefined>();
  if (text === "") return positions;
  const entries = text.split(",", maxChannels + 1);
  if (entries.length > maxChannels) return undefined;
  for (const entry of entries) {
    const [name = "", place, ...more] = entry.split("=");
    const channel = decode(name);
    if (channel === undefined || !isChannelName(channel) || more.length > 0) return undefined;
    if (place === undefined) positions.set(channel, undefined);
    else {
      const position = decodePosition(place);
      if (position === undefined) return undefined;
      positions.set(channel, position);
    }
  }
  return positions;
}

function decodePosition(text: string): Position | undefined {
  const colon = text.indexOf(":");
  const [offset, epoch] = [text.slice(0, colon), decode(text.slice(colon + 1))];
  if (colon < 1 || !/^\d{1,16}$/.test(offset) || epoch === undefined) return undefined;
  const position = { offset: Number(offset), epoch };
  return isPosition(position) ? position : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
