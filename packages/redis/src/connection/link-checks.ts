/**
 * The checks of a link: whether both of its sides give signs of life, and whether its servers are masters.
 *
 * A server that is stopped or behind a cut cable closes nothing, so both sides are pinged. A master that was
 * demoted goes on to answer PUBLISH, and tells few of its listeners: what it acknowledged since it last said
 * that it was a master is counted, and told when it says that it is none. Invariants: one ping and one
 * question for the role are under way at a time; the first sign that something is wrong loses the link.
 */
import type { Clock, Logger, Metrics, Timer } from "@holdfast/core";
import type { RedisOptions } from "../options.js";
import { DeadlineExceeded, withDeadline } from "../runtime/deadline.js";
import type { Connections } from "./connections.js";
import type { Pings } from "./pings.js";
import { NotMaster } from "./role.js";

const DOUBTFUL =
  "Redis was demoted: publications without history that it acknowledged since it last said it was a master may have reached few or no clients";

export interface LinkCheckParts {
  readonly clock: Clock;
  readonly pings: Pings;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The link is of no use any more. */
  readonly lose: (error: unknown) => void;
}

export class LinkChecks {
  readonly #connections: Connections;
  readonly #options: RedisOptions;
  readonly #parts: LinkCheckParts;
  readonly #timers: readonly Timer[];
  #isPinging = false;
  #isCheckingRole = false;
  /** When the ping under way began, monotonic ms. */
  #askedAt: number | undefined;
  #lastDelayMs: number | undefined;
  /** Publications by PUBLISH alone that were acknowledged since the server last proved to be a master. */
  #unproven = 0;
  /** Payloads that arrived so far. */
  #received = 0;

  /** Begins to check. */
  constructor(connections: Connections, options: RedisOptions, parts: LinkCheckParts) {
    this.#connections = connections;
    this.#options = options;
    this.#parts = parts;
    const { clock } = parts;
    this.#timers = [
      clock.every(options.pingIntervalMs, () => void this.#ping()),
      clock.every(options.roleIntervalMs, () => void this.checkRole()),
    ];
  }

  /** How long the last round of pings took, or the one under way takes already, ms. */
  get delayMs(): number | undefined {
    const underWay = this.#askedAt === undefined ? 0 : this.#parts.clock.monotonic() - this.#askedAt;
    return underWay > (this.#lastDelayMs ?? 0) ? underWay : this.#lastDelayMs;
  }

  /** A payload arrived: a sign of life. */
  received(): void {
    this.#received++;
  }

  /** A PUBLISH was acknowledged. Answers come in order: those before an answer to ROLE are proven by it. */
  published(): void {
    this.#unproven++;
  }

  /** The server has said that it is no master: the link is lost, and what it took meanwhile is told. */
  demoted(error: unknown): void {
    const publications = this.#unproven;
    this.#unproven = 0;
    const { logger, lose, metrics } = this.#parts;
    if (publications > 0) {
      metrics.add("publications_doubtful", publications);
      logger.warn({ publications }, DOUBTFUL);
    }
    lose(error);
  }

  /** Asks now. No sign of life is the pings' business. Never rejects. */
  async checkRole(): Promise<void> {
    if (this.#isCheckingRole) return;
    this.#isCheckingRole = true;
    try {
      await this.#connections.checkRole();
      this.#unproven = 0;
    } catch (error) {
      if (error instanceof NotMaster) this.demoted(error);
    } finally {
      this.#isCheckingRole = false;
    }
  }

  /** Idempotent. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  async #ping(): Promise<void> {
    if (this.#isPinging) return;
    this.#isPinging = true;
    const { clock } = this.#parts;
    const askedAt = clock.monotonic();
    this.#askedAt = askedAt;
    try {
      await Promise.all([this.#connections.ping(), this.#pingSubscriber()]);
      this.#lastDelayMs = clock.monotonic() - askedAt;
    } catch (error) {
      this.#parts.lose(error);
    } finally {
      this.#isPinging = false;
      this.#askedAt = undefined;
    }
  }

  /** The answer queues behind every publication on its way, so those are signs of life as well. */
  async #pingSubscriber(): Promise<void> {
    const { clock, pings } = this.#parts;
    const before = this.#received;
    try {
      const answer = pings.ping(this.#connections.subscriber);
      await withDeadline(clock, this.#options.commandTimeoutMs, "PING", answer);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded) || this.#received === before) throw error;
    }
  }
}
