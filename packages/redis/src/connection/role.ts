/**
 * Roles: whether a server is a master now.
 *
 * A master that was made a replica may keep every connection open. It still answers PING, and PUBLISH too,
 * but tells only the connections that listen to it. ROLE takes the place of the ping, so it costs nothing
 * more. A server or proxy that does not let us ask ROLE is asked with PING instead. Invariant: that is logged
 * once for each broker, and ROLE is tried again on each new link.
 */
import type { Logger } from "@holdfast/core";
import type { Redis } from "ioredis";
import { isReply, type Pings } from "./pings.js";
import type { Reasons } from "./reason.js";

/** Answers that say nothing about ROLE: the server cannot answer anything in this moment. */
const NOT_NOW = /^(BUSY|LOADING|MASTERDOWN|NOAUTH|CLUSTERDOWN|NOREPLICAS) /;

export class NotMaster extends Error {
  override readonly name = "NotMaster";
}

export class Roles {
  readonly #logger: Logger;
  readonly #reasonOf: Reasons;
  readonly #pings: Pings;
  #isLogged = false;
  #isAsked = true;

  constructor(logger: Logger, reasonOf: Reasons, pings: Pings) {
    this.#logger = logger;
    this.#reasonOf = reasonOf;
    this.#pings = pings;
  }

  /** A new link begins: ROLE is asked, whatever the servers of the last one made of it. */
  begin(): void {
    this.#isAsked = true;
  }

  /** Resolves when the server answers as a master does. Rejects with `NotMaster` when it is none. */
  async check(server: Redis): Promise<void> {
    if (!this.#isAsked) {
      await this.#pings.ping(server);
      return;
    }
    let role: unknown;
    try {
      role = await server.call("ROLE");
    } catch (error) {
      if (!isReply(error) || NOT_NOW.test(error.message)) throw error;
      return this.#refused(this.#reasonOf(error));
    }
    const [name] = Array.isArray(role) ? role : [];
    if (typeof name !== "string") return this.#refused("the answer to ROLE was not understood");
    if (name === "master") return;
    throw new NotMaster(
      name === "slave"
        ? "this server is a replica and no master: publications there reach few or no clients"
        : `this server is a ${name.slice(0, 20)} and no master`,
    );
  }

  #refused(reason: string): void {
    this.#isAsked = false;
    if (this.#isLogged) return;
    this.#isLogged = true;
    const message =
      "Redis does not answer ROLE: a master that becomes a replica without hanging up goes unnoticed; allow +role";
    this.#logger.warn({ reason }, message);
  }
}
