/**
 * The codecs that there are, and how a client asks for one. A new encoding or dialect is a row here.
 *
 * Invariant: a client that asks for nothing gets the first row.
 */
import {
  encodePublication,
  JsonText,
  jsonEncoding,
  type SentPush,
  SUBPROTOCOL,
  SUBPROTOCOL_MSGPACK,
  type WireMessage,
} from "@holdfast/protocol";
import { Codec } from "./codec.js";
import { holdfastDialect } from "./holdfast-dialect.js";
import { msgpackEncoding } from "./msgpack-encoding.js";
import { rawDialect } from "./raw-dialect.js";
import { rawEncoding } from "./raw-encoding.js";

/** One way to be spoken to. */
export interface CodecRow {
  /** The WebSocket subprotocol that asks for it, if one does. */
  readonly subprotocol?: string;
  /** The value of `format` in a URL that asks for it, if one does. */
  readonly format?: string;
  /** For clients that send `connect`; undefined: the URL has to name channels. */
  readonly speaking: Codec | undefined;
  /** For clients whose URL names channels. */
  readonly plain: Codec;
}

/**
 * Our dialect in JSON. Publications are most of what is said, so they are written without making a frame
 * first; a test compares both ways.
 */
class JsonCodec extends Codec {
  override push(push: SentPush): WireMessage | undefined {
    if (push.op !== "publication") return super.push(push);
    const { channel, data, offset, epoch, traceparent } = push.body;
    const published = data instanceof JsonText ? data.text : data;
    return encodePublication(channel, published, offset, epoch, traceparent);
  }
}

const ours = { dialect: holdfastDialect, encoding: jsonEncoding };
const objects = new JsonCodec({ ...ours, name: "objects" });
const lines = new JsonCodec({ ...ours, name: "lines", joins: objects, answersPings: true });
const ofPacks = { dialect: holdfastDialect, encoding: msgpackEncoding };
const pack = new Codec({ ...ofPacks, name: "pack" });
const packs = new Codec({ ...ofPacks, name: "packs", joins: pack, answersPings: true });
const raw = new Codec({ name: "raw", dialect: rawDialect, encoding: rawEncoding });

/**
 * - `lines`: frames of the protocol, several to a message, newline-separated (the SDK);
 * - `objects`: frames of the protocol, one to a message (plain clients that named channels in the URL);
 * - `packs`, `pack`: the same two in MessagePack;
 * - `raw`: a publication's data alone, one to a message, bytes as a binary one; other pushes are left out.
 */
export const codecs = Object.freeze({ lines, objects, packs, pack, raw });

/** The name of a codec of ours. */
export type CodecName = keyof typeof codecs;

export const CODEC_ROWS: readonly CodecRow[] = Object.freeze([
  { subprotocol: SUBPROTOCOL, format: "json", speaking: lines, plain: objects },
  { subprotocol: SUBPROTOCOL_MSGPACK, format: "msgpack", speaking: packs, plain: pack },
  { format: "raw", speaking: undefined, plain: raw },
]);

/** The subprotocol to speak, of those that a client offers: its first that there is. */
export function subprotocolOf(rows: readonly CodecRow[], offered: readonly string[]): string | undefined {
  return offered.find((name) => rows.some(({ subprotocol }) => subprotocol === name));
}

/** The row for a client: by the format in its URL, else by the subprotocol that it speaks, else the first. */
export function rowFor(
  rows: readonly CodecRow[],
  format: string | undefined,
  subprotocol: string | undefined,
): CodecRow | undefined {
  if (format !== undefined) return rows.find((row) => row.format === format);
  return subprotocol === undefined ? rows[0] : rows.find((row) => row.subprotocol === subprotocol);
}
