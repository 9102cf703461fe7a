/**
 * Pings: whether a server gives a sign of life.
 *
 * Redis answers PING with an error while it cannot write to its disk (MISCONF), runs a script for too long
 * (BUSY), loads its data or does not allow the command. It passes publications on all the same. Invariant:
 * any answer is a sign of life, and only silence or the end of the connection is none. What the error says is
 * logged once for each server, until it answers PING properly again.
 */
import { isNativeError } from "node:util/types";
import type { Logger } from "@holdfast/core";
import type { Redis } from "ioredis";
import type { Reasons } from "./reason.js";

/** Whether the server itself answered with an error: no connection ended. */
export function isReply(error: unknown): error is Error {
  return isNativeError(error) && error.name === "ReplyError";
}

export class Pings {
  readonly #logger: Logger;
  readonly #reasonOf: Reasons;
  /** Servers that answered the last PING with an error, by host and port. */
  readonly #refusing = new Set<string>();

  constructor(logger: Logger, reasonOf: Reasons) {
    this.#logger = logger;
    this.#reasonOf = reasonOf;
  }

  /** Resolves with any answer. Rejects where there will be none. */
  async ping(server: Redis): Promise<void> {
    const { host, port } = server.options;
    const name = `${host}:${port}`;
    try {
      await server.ping();
      this.#refusing.delete(name);
    } catch (error) {
      if (!isReply(error)) throw error;
      if (this.#refusing.has(name)) return;
      this.#refusing.add(name);
      const message = "Redis answers PING with an error: what it refuses is answered as unavailable";
      this.#logger.warn({ reason: this.#reasonOf(error) }, message);
    }
  }
}
