/**
 * A topic's log on Redis: what the scripts are told, and what their answers mean.
 *
 * Two keys of one Cluster slot: a stream with an entry `<offset>-0` for each publication that is kept, and a
 * hash that outlives it with epoch, last offset, lineage, and the replication id of the server that used it
 * last (lua/touch.lua). Invariant: an answer that is not understood is an error, never a guess.
 */

import { randomBytes } from "node:crypto";
import {
  type Entry,
  KEY_WINDOW_MS,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  type Retention,
  type Topic,
} from "@holdfast/core";
import type { Data, Position } from "@holdfast/protocol";
import type { RunCall } from "./connection/run.js";
import type { ScriptCall } from "./connection/script.js";
import { SCRIPTS } from "./connection/script.js";
import { envelop, parsePosition } from "./envelope.js";
import type { RedisKeys } from "./keys.js";
import { dataOf, storedData } from "./stored-data.js";

/**
 * The epoch and last offset are kept so many times longer than the entries, and at least so long, ms: a
 * client that comes back late is told `expired`, not `epoch`.
 */
const MEMORY_FACTOR = 10;
const MIN_MEMORY_MS = 24 * 60 * 60 * 1000;

const EPOCH_BYTES = 6;

/** What a publication is called by in Redis. */
export interface PublishNames {
  readonly keys: RedisKeys;
  /** Where scripts publish on a topic now (lua/tell.lua). */
  destination(topic: Topic): string;
}

/** A publication, with the key that names it among its topic's. */
export interface PublicationPart {
  readonly data: Data;
  readonly key: string | undefined;
}

/** Publications that are kept. */
export function publishCall(
  names: PublishNames,
  topic: Topic,
  publications: readonly PublicationPart[],
  { size, ttlMs }: Retention,
): RunCall {
  const { keys } = names;
  return {
    script: SCRIPTS.publish,
    lane: keys.log(topic),
    keys: [keys.top(topic), keys.log(topic)],
    nonce: newEpoch(),
    args: [
      names.destination(topic),
      String(size),
      String(ttlMs),
      String(memoryMs(ttlMs)),
      String(KEY_WINDOW_MS),
    ],
    parts: publications.map(({ data, key }) => ({
      data: storedData(data),
      record: key === undefined ? undefined : keys.record(topic, key),
    })),
  };
}

/** Publications that are not kept, each at most once for its key. */
export function publishOnceCall(
  names: PublishNames,
  topic: Topic,
  publications: readonly PublicationPart[],
): RunCall {
  const { keys } = names;
  return {
    script: SCRIPTS.publishOnce,
    lane: keys.log(topic),
    keys: [keys.log(topic)],
    args: [names.destination(topic), String(KEY_WINDOW_MS)],
    parts: publications.map(({ data, key }) => ({
      data: envelop(data),
      record: key === undefined ? undefined : keys.record(topic, key),
    })),
  };
}

export function readCall(keys: RedisKeys, topic: Topic, query: LogQuery): ScriptCall {
  const { from, limit, reverse = false, maxBytes = PAGE_BYTES, retention } = query;
  return {
    script: SCRIPTS.read,
    keys: [keys.top(topic), keys.log(topic)],
    args: [
      newEpoch(),
      String(from),
      String(limit),
      reverse ? "1" : "0",
      String(retention.size),
      String(retention.ttlMs),
      String(memoryMs(retention.ttlMs)),
      String(maxBytes),
    ],
  };
}

/** What publishing answered: the position, or undefined for what is not kept. */
export function positionOf(reply: unknown): Position | undefined {
  return reply === "" ? undefined : parsed(reply);
}

export function pageOf(reply: unknown): LogPage {
  const [epoch, last, oldest, lineage, entries] = list(reply);
  return {
    entries: list(entries).map(entryOf),
    top: parsed(`${text(last)} ${text(epoch)}`),
    oldest: number(oldest),
    lineage: text(lineage) === "" ? [] : text(lineage).split(",").map(ancestor),
  };
}

/** As XRANGE has it: id, then field names and values. */
function entryOf(reply: unknown): Entry {
  const [id, fields] = list(reply);
  return { offset: number(text(id).split("-")[0]), data: dataOf(bytes(list(fields)[1])) };
}

/** `<epoch> <offset>` */
function ancestor(part: string): Position {
  const [epoch, offset] = part.split(" ");
  return parsed(`${offset} ${epoch}`);
}

/** `<offset> <epoch>` */
function parsed(reply: unknown): Position {
  const [offset = "", epoch = ""] = text(reply).split(" ");
  return parsePosition(offset, epoch) ?? misunderstood();
}

function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : misunderstood();
}

function text(reply: unknown): string {
  return typeof reply === "string" ? reply : bytes(reply).toString();
}

function bytes(reply: unknown): Buffer {
  return Buffer.isBuffer(reply) ? reply : misunderstood();
}

function number(reply: unknown): number {
  const value = Number(text(reply));
  return Number.isSafeInteger(value) ? value : misunderstood();
}

function misunderstood(): never {
  throw new Error("Redis holds something else than a log under the names of one");
}

function memoryMs(ttlMs: number): number {
  return Math.max(ttlMs * MEMORY_FACTOR, MIN_MEMORY_MS);
}

function newEpoch(): string {
  return randomBytes(EPOCH_BYTES).toString("base64url");
}
