/**
 * The envelope: what a payload on a topic's channel says besides its data.
 *
 * One channel carries what backends PUBLISH by hand, any text or bytes, and what comes from a topic's log,
 * with its position. Data is stored as stored-data.ts says:
 *
 *     <data>                                as it is: not from a log
 *     MARK <offset> " " <epoch> " " <data>  from a log; lua/publish.lua writes it
 *     MARK " " " " <data>                   not from a log, with data that itself begins with the mark
 *
 * The mark is "\u0001hf\u0001": no JSON begins so. Invariant: whatever data is published through a broker
 * arrives as it was; only a backend that publishes the mark by hand can be misunderstood, and then it is
 * told.
 */
import { type Data, isPosition, type Position } from "@holdfast/protocol";
import { storedData } from "./stored-data.js";

const MARK = "\u0001hf\u0001";
const MARK_BYTES = Buffer.from(MARK);
const SPACE = 0x20;
/** Digits of 2^53. */
const MAX_OFFSET_LENGTH = 16;
const MAX_EPOCH_LENGTH = 64;

export interface Opened {
  /** Where the data begins in the payload, bytes. */
  readonly start: number;
  readonly position: Position | undefined;
}

const BARE: Opened = Object.freeze({ start: 0, position: undefined });

/** The payload for data that is in no log. Bytes never begin with the mark: see stored-data.ts. */
export function envelop(data: Data): string | Buffer {
  const stored = storedData(data);
  return typeof stored === "string" && stored.startsWith(MARK) ? `${MARK}  ${stored}` : stored;
}

/** What the payload is, or undefined when it begins with the mark and does not go on as it must. */
export function open(payload: Buffer): Opened | undefined {
  if (payload[0] !== MARK_BYTES[0] || !payload.subarray(0, MARK_BYTES.length).equals(MARK_BYTES)) return BARE;
  const offsetAt = MARK_BYTES.length;
  const offsetEnd = payload.subarray(0, offsetAt + MAX_OFFSET_LENGTH + 1).indexOf(SPACE, offsetAt);
  if (offsetEnd === -1) return undefined;
  const epochAt = offsetEnd + 1;
  const epochEnd = payload.subarray(0, epochAt + MAX_EPOCH_LENGTH + 1).indexOf(SPACE, epochAt);
  if (epochEnd === -1) return undefined;
  const start = epochEnd + 1;
  const offset = payload.toString("latin1", offsetAt, offsetEnd);
  const epoch = payload.toString("utf8", epochAt, epochEnd);
  if (offset === "" && epoch === "") return { start, position: undefined };
  const position = parsePosition(offset, epoch);
  return position && { start, position };
}

/** A position as Redis holds it, two texts. Undefined when it is none. */
export function parsePosition(offset: string, epoch: string): Position | undefined {
  const position = { offset: /^\d+$/.test(offset) ? Number(offset) : Number.NaN, epoch };
  return isPosition(position) ? position : undefined;
}
