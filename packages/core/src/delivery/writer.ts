/**
 * Writing to one connection: batches, answers and notices, within the limits of its outbox.
 *
 * These are functions over the parts of a connection, so that a connection needs no further object for
 * writing. Invariants: a transport that throws breaks its contract, and only its own connection ends; the
 * fan-out and the tick go on. A subscription that is behind catches up before anything newer is written.
 */
import type { SentPush, WireMessage } from "@holdfast/protocol";
import type { Codec } from "../codec/codec.js";
import type { Logger } from "../runtime/logger.js";
import type { Batch } from "./batch.js";
import type { Outbox, OutboxBacklog } from "./outbox.js";
import {
  ROOM_FOR_WORDS,
  ROOM_TO_CATCH_UP,
  type SlowConsumer,
  type SlowConsumers,
  type SlowSubscription,
} from "./slow-consumers.js";
import { frameMessage, type Transport } from "./transport.js";

export interface WriterParts {
  readonly logger: Logger;
  readonly outbox: Outbox;
  readonly slowConsumers: SlowConsumers;
}

/** A connection that is written to. */
export interface Writer extends SlowConsumer {
  readonly codec: Codec;
  readonly transport: Transport;
  readonly isOpen: boolean;
  /** What the outbox knows of the bytes that wait, while any do. Written here alone. */
  backlog: OutboxBacklog | undefined;
  /** Its transport has broken its contract: it ends, without a word. */
  fail(): void;
}

/** Writes a batch of publications; returns its bytes, 0 when it was not written. The hot path. */
export function deliver(
  parts: WriterParts,
  writer: Writer,
  batch: Batch,
  subscription: SlowSubscription | undefined,
): number {
  if (subscription?.behind !== undefined && !catchUp(parts, writer, subscription))
    return parts.slowConsumers.skipped(writer, batch, subscription);
  const bytes = batch.bytesFor(writer.codec, writer.transport.framing);
  // A raw client gets nothing of a batch that has no data.
  if (bytes.length === 0) return 0;
  if (fillOf(parts, writer) > 1) return parts.slowConsumers.skipped(writer, batch, subscription);
  return write(parts, writer, bytes, batch.size) ? bytes.length : 0;
}

/** Tells a subscription that is behind what it missed, when there is room again. True when it was told. */
export function catchUp(parts: WriterParts, writer: Writer, subscription: SlowSubscription): boolean {
  if (fillOf(parts, writer) > ROOM_TO_CATCH_UP) return false;
  const missed = parts.slowConsumers.catchUp(subscription);
  const bytes = missed.bytesFor(writer.codec, writer.transport.framing);
  return bytes.length === 0 || write(parts, writer, bytes, missed.size);
}

/** Writes what an answer brings, however much: it is bounded as answers are. */
export function writeBatch(parts: WriterParts, writer: Writer, batch: Batch): void {
  const bytes = batch.bytesFor(writer.codec, writer.transport.framing);
  if (bytes.length > 0 && writer.isOpen) write(parts, writer, bytes, batch.size);
}

/** Sends one message of its codec, if there is one. A connection that is closing gets none. */
export function send(parts: WriterParts, writer: Writer, message: WireMessage | undefined): void {
  if (message === undefined || !writer.isOpen) return;
  if (fillOf(parts, writer) > ROOM_FOR_WORDS) parts.slowConsumers.end(writer);
  else write(parts, writer, frameMessage(writer.transport.framing, message), 1);
}

/** The last word before it is closed. False where its transport has failed over it. */
export function sendLast(parts: WriterParts, writer: Writer, push: SentPush): boolean {
  const message = writer.codec.push(push);
  return message === undefined || write(parts, writer, frameMessage(writer.transport.framing, message), 1);
}

/**
 * Whether the other side has taken bytes that waited, since the last call: a sign of life of a slow one.
 */
export function takesBytes(outbox: Outbox, writer: Writer): boolean {
  return outbox.moved(writer.transport, writer.backlog);
}

function fillOf({ outbox }: WriterParts, writer: Writer): number {
  return outbox.fill(writer.transport, writer.backlog);
}

function write(
  { logger, outbox }: WriterParts,
  writer: Writer,
  bytes: Uint8Array,
  messages: number,
): boolean {
  const { transport } = writer;
  try {
    transport.write(bytes);
    writer.backlog = outbox.wrote(transport, writer.backlog, bytes.length, messages);
    return true;
  } catch (error) {
    logger.error({ connection: writer.id, err: error }, "a transport failed");
    writer.fail();
    transport.terminate();
    return false;
  }
}
