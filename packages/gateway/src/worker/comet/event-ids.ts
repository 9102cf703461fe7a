/**
 * The ids of one event stream: what its client comes back with, where that names all its channels.
 *
 * Owns the positions of the stream's channels and the proof of its session. Made where a stream has ids of
 * its own; streams of one channel share theirs (`NumberedFraming`). Invariant: every event that takes the
 * client further has an id in front of it that names its position.
 */
import type { Position, Resume } from "@holdfast/protocol";
import { cursorHead, encodeCursor } from "./cursor.js";
import { type EventFraming, idLine } from "./sse-framing.js";

export class EventIds {
  readonly #positions = new Map<string, Position | undefined>();
  readonly #proof: (() => Resume | undefined) | undefined;
  /** Undefined when it has to be made anew: a proof does not last for ever. */
  #head: string | undefined = undefined;

  /** `proof`: whose the ids are; undefined where that need not be proved. */
  constructor(proof: (() => Resume | undefined) | undefined) {
    this.#proof = proof;
  }

  /** The id for what the client has now. */
  get cursor(): string {
    if (this.#head === undefined) {
      const resume = this.#proof?.();
      this.#head = cursorHead(resume?.sid, "", resume?.token);
    }
    return encodeCursor(this.#head, this.#positions);
  }

  moved(channel: string, position: Position | undefined): void {
    this.#positions.set(channel, position);
  }

  left(channel: string): void {
    this.#positions.delete(channel);
  }

  /** The next id has a new proof. */
  renew(): void {
    this.#head = undefined;
  }

  /** Frames of `framing`, with an id in front of each event that has moved a position. */
  number(frames: Uint8Array, framing: EventFraming): Uint8Array {
    const endings = framing.endings(frames);
    if (endings === undefined) return frames;
    const chunks: Uint8Array[] = [];
    let start = 0;
    for (const { end, at } of endings) {
      if (at !== undefined) {
        this.moved(at.channel, at.position);
        chunks.push(Buffer.from(idLine(this.cursor)));
      }
      chunks.push(frames.subarray(start, end));
      start = end;
    }
    return Buffer.concat(chunks);
  }
}
