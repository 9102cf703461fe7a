/**
 * The byte rate of publishing: token buckets of bytes, one for each connection that publishes and one for
 * each namespace that clients of this worker publish to. What clients `send` to backends has one of its own.
 *
 * A bucket holds two seconds' worth. A publication passes while there is credit in both, and may take a
 * bucket into debt: so one larger than a bucket passes, too, and what follows waits for it. Invariants: what
 * is refused costs neither bucket anything; a connection that never publishes has no bucket; over any time no
 * more passes than the rate, a bucket and one publication.
 */
import { namespaceOf } from "@holdfast/protocol";
import type { NamespaceOptions } from "../namespace.js";

export interface PublishRateOptions {
  readonly publishBytesPerSecond: number;
  readonly namespacePublishBytesPerSecond: number;
  readonly namespaces: Readonly<Record<string, NamespaceOptions>>;
}

interface Bucket {
  /** Bytes; below zero is debt. */
  credit: number;
  /** Monotonic ms at which `credit` was true. */
  at: number;
}

const BURST_SECONDS = 2;
/**
 * The bucket of all namespaces that have no options: clients choose names, and would choose a new one each
 * time.
 */
const OTHERS = ":";
/** The bucket of messages to backends. No namespace is called so. */
const MESSAGES = ":messages";

export class PublishRate {
  readonly #options: PublishRateOptions;
  readonly #connections = new WeakMap<object, Bucket>();
  readonly #namespaces = new Map<string, Bucket>();

  constructor(options: PublishRateOptions) {
    this.#options = options;
  }

  /**
   * Whether the connection may publish so many bytes to the channel now; then they are charged. `now`:
   * monotonic ms.
   */
  take(connection: object, channel: string, bytes: number, now: number): boolean {
    const { namespacePublishBytesPerSecond, namespaces } = this.#options;
    const written = namespaceOf(channel);
    const known = Object.hasOwn(namespaces, written) ? namespaces[written] : undefined;
    const name = known === undefined ? OTHERS : written;
    const rate = known?.publishBytesPerSecond ?? namespacePublishBytesPerSecond;
    return this.#take(connection, name, rate, bytes, now);
  }

  /** The same for a message to backends. */
  takeMessage(connection: object, bytes: number, now: number): boolean {
    return this.#take(connection, MESSAGES, this.#options.namespacePublishBytesPerSecond, bytes, now);
  }

  #take(connection: object, name: string, rate: number, bytes: number, now: number): boolean {
    const own = refilled(this.#connections.get(connection), this.#options.publishBytesPerSecond, now);
    const shared = refilled(this.#namespaces.get(name), rate, now);
    if (own.credit <= 0 || shared.credit <= 0) return false;
    own.credit -= bytes;
    shared.credit -= bytes;
    this.#connections.set(connection, own);
    this.#namespaces.set(name, shared);
    return true;
  }
}

/** A bucket that was not used yet is full. */
function refilled(bucket: Bucket | undefined, perSecond: number, now: number): Bucket {
  const capacity = perSecond * BURST_SECONDS;
  if (bucket === undefined) return { credit: capacity, at: now };
  bucket.credit = Math.min(capacity, bucket.credit + ((now - bucket.at) / 1000) * perSecond);
  bucket.at = now;
  return bucket;
}
