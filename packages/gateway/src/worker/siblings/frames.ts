/**
 * Frames between siblings: how one worker asks another for topics, and gets their payloads.
 *
 * Owns the form alone. Both ends run the same release or one beside it, and agree on `FRAMES_VERSION`; bytes
 * that are no frame end the connection that brought them, and nothing else. Invariant: a reader keeps at most
 * one unfinished frame, of at most `maxBytes`.
 */

export const FRAMES_VERSION = 1;

/** What a frame says; `number` is a request's, chosen by the worker that asks, or a topic's, by its home. */
export const FRAME = Object.freeze({
  /** To the home: version; rest: the name of the worker that asks. */
  hello: 1,
  /** To the home: request; rest: the topic. */
  subscribe: 2,
  /** To the home: request. */
  unsubscribe: 3,
  ping: 4,
  /** From the home: 1 it has a link to the broker, 0 it has none and all that was asked for is over. */
  state: 16,
  /** From the home: request; rest: the topic's number, u32. */
  accepted: 17,
  /** From the home: request. */
  confirmed: 18,
  refused: 19,
  /** From the home: topic; rest: the payload. */
  payload: 20,
  /** From the home: topic of which payloads were left out. */
  skipped: 21,
  /** From the home; rest: the mark. */
  fence: 22,
  pong: 23,
});

/** Length, type and number. */
export const HEAD_BYTES = 9;
/** Of the length alone. */
const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

export function frame(type: number, number: number, rest: string | Buffer = NOTHING): Buffer {
  const bytes = typeof rest === "string" ? Buffer.byteLength(rest) : rest.length;
  const made = Buffer.allocUnsafe(HEAD_BYTES + bytes);
  made.writeUInt32BE(HEAD_BYTES - LENGTH_BYTES + bytes, 0);
  made.writeUInt8(type, LENGTH_BYTES);
  made.writeUInt32BE(number, LENGTH_BYTES + 1);
  if (typeof rest === "string") made.write(rest, HEAD_BYTES);
  else rest.copy(made, HEAD_BYTES);
  return made;
}

export function payloadFrame(number: number, payload: Buffer): Buffer {
  return frame(FRAME.payload, number, payload);
}

export function acceptedFrame(request: number, number: number): Buffer {
  const rest = Buffer.allocUnsafe(4);
  rest.writeUInt32BE(number, 0);
  return frame(FRAME.accepted, request, rest);
}

/** What a reader found. `rest` is part of what was read: copy what is kept. */
export type OnFrame = (type: number, number: number, rest: Buffer) => void;

export class FrameReader {
  readonly #maxBytes: number;
  readonly #onFrame: OnFrame;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Bytes until the frame, or its length, is whole; `pieces` are looked at no sooner. */
  #wanted = LENGTH_BYTES;

  /** `maxBytes`: of one frame without its length. */
  constructor(maxBytes: number, onFrame: OnFrame) {
    this.#maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** Takes what came. False: these are no frames, and nothing more may be read. */
  read(chunk: Buffer): boolean {
    this.#pieceBytes += chunk.length;
    this.#pieces.push(chunk);
    if (this.#pieceBytes < this.#wanted) return true;
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    let at = 0;
    let end = 0;
    for (;;) {
      if (bytes.length - at < LENGTH_BYTES) {
        end = at + LENGTH_BYTES;
        break;
      }
      const length = bytes.readUInt32BE(at);
      if (length < HEAD_BYTES - LENGTH_BYTES || length > this.#maxBytes) return false;
      end = at + LENGTH_BYTES + length;
      if (bytes.length < end) break;
      const type = bytes.readUInt8(at + LENGTH_BYTES);
      const number = bytes.readUInt32BE(at + LENGTH_BYTES + 1);
      this.#onFrame(type, number, bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    this.#pieces = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#pieceBytes = bytes.length - at;
    this.#wanted = end - at;
    return true;
  }
}
