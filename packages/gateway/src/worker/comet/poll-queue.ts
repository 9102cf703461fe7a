/**
 * What a polled session has yet to be given, in its order, and where its client stands when it has been.
 *
 * Positions move when something is taken, not when it is written: so they are always those of the last batch,
 * also where one batch could not hold everything. Core bounds what waits (`maxOutboxBytes`).
 */
import type { Mark } from "@holdfast/core";
import type { Position } from "@holdfast/protocol";
import type { Positions } from "./cursor.js";
import type { MessageEnd } from "./marked-bytes.js";

/** Bytes of one batch; a single frame may be larger. */
const MAX_BATCH_BYTES = 256 * 1024;

type Queued =
  | { readonly t: "bytes"; readonly bytes: Uint8Array; readonly at: Mark | undefined }
  | { readonly t: "stands"; readonly positions: Positions }
  | { readonly t: "left"; readonly channel: string };

export class PollQueue {
  readonly #positions = new Map<string, Position | undefined>();
  #queue: Queued[] | undefined;
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#queue === undefined;
  }

  /** Where the client stands that has the last batch. */
  get positions(): Positions {
    return this.#positions;
  }

  write(frames: Uint8Array, endings: readonly MessageEnd[] | undefined): void {
    let start = 0;
    for (const { end, at } of endings ?? [{ end: frames.length, at: undefined }]) {
      this.#add({ t: "bytes", bytes: frames.subarray(start, end), at });
      start = end;
    }
    this.#bytes += frames.length;
  }

  subscribed(positions: Positions): void {
    this.#add({ t: "stands", positions });
  }

  unsubscribed(channel: string): void {
    this.#add({ t: "left", channel });
  }

  clear(): void {
    this.#queue = undefined;
    this.#bytes = 0;
  }

  /**
   * The frames of the next batch: everything that waits, or as much as one may have. What lies side by side
   * in a batch of core comes in one piece, as it does for others.
   */
  take(): readonly Uint8Array[] {
    const queue = this.#queue ?? [];
    const frames: Uint8Array[] = [];
    let bytes = 0;
    let taken = 0;
    for (; taken < queue.length; taken++) {
      const next = queue[taken] as Queued;
      if (next.t === "stands")
        for (const [channel, position] of next.positions) this.#positions.set(channel, position);
      else if (next.t === "left") this.#positions.delete(next.channel);
      else {
        if (bytes > 0 && bytes + next.bytes.length > MAX_BATCH_BYTES) break;
        if (next.at !== undefined) this.#positions.set(next.at.channel, next.at.position);
        const joined = joinedTo(frames.at(-1), next.bytes);
        if (joined === undefined) frames.push(next.bytes);
        else frames[frames.length - 1] = joined;
        bytes += next.bytes.length;
      }
    }
    this.#queue = taken === queue.length ? undefined : queue.slice(taken);
    this.#bytes -= bytes;
    return frames;
  }

  #add(queued: Queued): void {
    this.#queue ??= [];
    this.#queue.push(queued);
  }
}

/** Both as one piece, where they lie side by side in the same memory. */
function joinedTo(before: Uint8Array | undefined, next: Uint8Array): Uint8Array | undefined {
  if (before === undefined || before.buffer !== next.buffer) return undefined;
  if (before.byteOffset + before.length !== next.byteOffset) return undefined;
  return new Uint8Array(before.buffer, before.byteOffset, before.length + next.length);
}
