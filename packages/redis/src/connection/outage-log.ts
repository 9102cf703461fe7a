/**
 * The outage log: what the operator reads of a connection's life.
 *
 * Invariant: one line per outage and reason, and few reasons per outage: retries that fail alike say nothing.
 */
import type { Logger } from "@holdfast/core";
import { databaseOf, describeTarget, type RedisTarget } from "../target.js";
import { refusalIn } from "./reason.js";

/**
 * Different reasons that one outage may log: enough to see a refused connection turn into a refused password.
 */
const MAX_REASONS = 5;
/** What to do where Redis has not answered since the start. */
const REMEDY = "check the URL, and that Redis runs there";

export class OutageLog {
  readonly #redis: string;
  /** Backends publish there: a name that is not the usual one has to be seen somewhere. */
  readonly #channels: { readonly channels?: string };
  readonly #logger: Logger;
  /** Of the outage under way. */
  readonly #reasons = new Set<string>();

  constructor(target: RedisTarget, channelPrefix: string, logger: Logger) {
    this.#redis = describeTarget(target);
    this.#channels = databaseOf(target) === 0 ? {} : { channels: `${channelPrefix}…` };
    this.#logger = logger;
  }

  /** A link is ready; `restored`: fields about what it has. */
  ready(restored: object = {}): void {
    this.#reasons.clear();
    this.#logger.info({ redis: this.#redis, ...restored, ...this.#channels }, "connected to Redis");
  }

  /** A link was lost, or did not come about. */
  away(reason: string, wasReady: boolean): void {
    if (this.#reasons.has(reason) || this.#reasons.size >= MAX_REASONS) return;
    this.#reasons.add(reason);
    const fields = { redis: this.#redis, reason };
    const refusal = refusalIn(reason);
    if (refusal !== undefined) this.#logger.error(fields, `Redis ${refusal}; still trying`);
    else if (wasReady) this.#logger.warn(fields, "lost Redis");
    else this.#logger.warn({ ...fields, remedy: REMEDY }, "cannot reach Redis yet, still trying");
  }
}
