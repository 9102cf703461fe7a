/**
 * Server ids: whether a server lets its scripts see by which replication id their data goes.
 *
 * Epochs are made from that id (ADR 13). A managed service may hide it, or an ACL may refuse INFO: the
 * gateway then works with a weaker promise (ADR 53). Invariant: that is logged once for each broker, when
 * the first such server is connected to, and stays a weakness for as long as that link; what cannot be asked
 * says nothing.
 */
import type { Logger } from "@holdfast/core";
import type { Redis } from "ioredis";
import { SCRIPTS } from "./script.js";

const MESSAGE =
  "Redis hides its replication id (INFO replication: master_replid): of a history whose end a failover or restart loses, it is not noticed which publications came in its place; allow +info where that is possible";

export class ServerIds {
  readonly #logger: Logger;
  #isHidden = false;
  #isLogged = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What is promised less while a server hides its id; empty while none does. */
  get weaknesses(): readonly string[] {
    return this.#isHidden ? [`${MESSAGE}.`] : [];
  }

  /** A new link begins: its servers may be others. */
  begin(): void {
    this.#isHidden = false;
  }

  /** Asks a server that knows the scripts. Never rejects. */
  async check(server: Redis): Promise<void> {
    const says: unknown = await server.evalsha(SCRIPTS.serverSays.sha, 0).catch(() => 1);
    if (says !== 0) return;
    this.#isHidden = true;
    if (this.#isLogged) return;
    this.#isLogged = true;
    this.#logger.warn({ server: `${server.options.host}:${server.options.port}` }, MESSAGE);
  }
}
