/**
 * Writing to one connection: batches, answers and notices, within the limits of its outbox.
 *
 * These are functions over the parts of a connection, so that a connection needs no further object for
 * writing. Invariants: a transport that throws breaks its contract, and only its own connection ends; the
 * fan-out and the tick go on. A subscription that is behind catches up before anything newer is written.
 */
import type { SentPush, WireMessage } from "@holdfast/protocol";
import type { Logger } from "../runtime/logger.js";
import type { Batch } from "./batch.js";
import type { WriterCork } from "./cork.js";
import type { Outbox } from "./outbox.js";
import type { Recipient } from "./recipient.js";
import {
  ROOM_FOR_WORDS,
  ROOM_TO_CATCH_UP,
  type SlowConsumers,
  type SlowSubscription,
} from "./slow-consumers.js";
import { type FrameRun, frameMessage } from "./transport.js";

/** What writing now takes. */
export type DirectParts = Pick<WriterParts, "logger" | "outbox">;

export interface WriterParts {
  readonly cork: WriterCork;
  readonly logger: Logger;
  readonly outbox: Outbox;
  readonly slowConsumers: SlowConsumers;
}

/** Writes a batch of publications; returns its bytes, 0 when it was not written. The hot path. */
export function deliver(
  parts: WriterParts,
  recipient: Recipient,
  batch: Batch,
  subscription: SlowSubscription | undefined,
): number {
  if (subscription?.behind !== undefined && !catchUp(parts, recipient, subscription))
    return parts.slowConsumers.skipped(recipient, batch, subscription);
  const bytes = batch.bytesFor(recipient.codec, recipient.transport.framing);
  // A raw client gets nothing of a batch that has no data.
  if (bytes.length === 0) return 0;
  if (fillOf(parts, recipient) > 1) return parts.slowConsumers.skipped(recipient, batch, subscription);
  return hold(parts, recipient, bytes, batch.size) ? bytes.length : 0;
}

/** Tells a subscription that is behind what it missed, when there is room again. True when it was told. */
export function catchUp(parts: WriterParts, recipient: Recipient, subscription: SlowSubscription): boolean {
  if (fillOf(parts, recipient) > ROOM_TO_CATCH_UP) return false;
  const missed = parts.slowConsumers.catchUp(subscription);
  const bytes = missed.bytesFor(recipient.codec, recipient.transport.framing);
  return bytes.length === 0 || hold(parts, recipient, bytes, missed.size);
}

/** Writes what an answer brings, however much: it is bounded as answers are. */
export function writeBatch(parts: WriterParts, recipient: Recipient, batch: Batch): void {
  const bytes = batch.bytesFor(recipient.codec, recipient.transport.framing);
  if (bytes.length > 0 && recipient.isOpen) write(parts, recipient, bytes, batch.size);
}

/**
 * Sends one message of its codec, if there is one. A connection that is closing gets none. It leaves with the
 * end of this callback, beside what else is said in it.
 */
export function send(parts: WriterParts, recipient: Recipient, message: WireMessage | undefined): void {
  if (message === undefined || !recipient.isOpen) return;
  if (fillOf(parts, recipient) > ROOM_FOR_WORDS) parts.slowConsumers.end(recipient);
  else parts.cork.say(recipient, frameMessage(recipient.transport.framing, message));
}

/** The last word before it is closed. False where its transport has failed over it. */
export function sendLast(parts: WriterParts, recipient: Recipient, push: SentPush): boolean {
  const message = recipient.codec.push(push);
  return (
    message === undefined || write(parts, recipient, frameMessage(recipient.transport.framing, message), 1)
  );
}

/**
 * Whether the other side has taken bytes that waited, since the last call: a sign of life of a slow one.
 */
export function takesBytes(outbox: Outbox, recipient: Recipient): boolean {
  return outbox.moved(recipient.transport, recipient.backlog);
}

function fillOf({ outbox }: WriterParts, recipient: Recipient): number {
  return outbox.fill(recipient.transport, recipient.backlog);
}

/** Writes what was held for a connection. */
export function writeRun(
  { logger, outbox }: DirectParts,
  recipient: Recipient,
  run: FrameRun,
  messages: number,
): void {
  const { transport } = recipient;
  const [only] = run.list;
  try {
    if (run.list.length === 1 && only !== undefined) transport.write(only);
    else if (transport.writeRun !== undefined) transport.writeRun(run);
    else for (const frames of run.list) transport.write(frames);
    recipient.backlog = outbox.wrote(transport, recipient.backlog, lengthOf(run), messages);
  } catch (error) {
    failed(logger, recipient, error);
  }
}

/** Writes, or leaves it with the cork where that holds. False where the transport has failed over it. */
function hold(parts: WriterParts, recipient: Recipient, bytes: Uint8Array, messages: number): boolean {
  if (!parts.cork.isHolding) return write(parts, recipient, bytes, messages);
  parts.cork.hold(recipient, bytes, messages);
  return true;
}

/** Writes behind what is held. */
function write(
  { cork, logger, outbox }: WriterParts,
  recipient: Recipient,
  bytes: Uint8Array,
  messages: number,
): boolean {
  const { transport } = recipient;
  cork.release(recipient);
  try {
    transport.write(bytes);
    recipient.backlog = outbox.wrote(transport, recipient.backlog, bytes.length, messages);
    return true;
  } catch (error) {
    failed(logger, recipient, error);
    return false;
  }
}

function failed(logger: Logger, recipient: Recipient, error: unknown): void {
  logger.error({ connection: recipient.id, err: error }, "a transport failed");
  recipient.enter("closing");
  recipient.transport.terminate();
}

function lengthOf({ list }: FrameRun): number {
  let length = 0;
  for (const { length: each } of list) length += each;
  return length;
}
