/**
 * The primary: the life of an instance, from its start to its end.
 *
 *     idle ──start──► starting ──all ready──► running ──stop──► stopping ──► stopped
 *     (a start that fails stops)
 *
 * What the instance consists of is `instance.ts`. A stop is a drain and then the end; a drain that was asked
 * for alone leaves the instance up without workers. Invariant: after `stop` resolved nothing of the instance
 * is left, no process, port or timer.
 */
import type { Logger } from "@holdfast/core";
import type { ReloadOutcome } from "./admin/endpoint.js";
import { type Addresses, Instance } from "./instance.js";
import type { DrainPlan, DrainProgress } from "./operations/instance-drain.js";
import type { PrimaryOptions, ReadAgain, ReloadOptions } from "./options.js";

type State = "idle" | "starting" | "running" | "stopping" | "stopped";

const NOTHING_TO_READ: ReadAgain = Object.freeze({
  kind: "refused",
  problems: ["this instance was made without settings that can be read again"],
});
const STOPPED_EARLY = "the instance was stopped before it had started";

export class Primary {
  readonly #logger: Logger;
  readonly #instance: Instance;
  readonly #onFailed: (problem: string) => void;
  readonly #readAgain: (() => ReadAgain) | undefined;
  #state: State = "idle";
  #stopped: Promise<void> | undefined;
  /** Settles when all that a stop has to close is open. */
  #opening: Promise<Addresses> | undefined;
  /** Calls back once all workers are ready, or with the problem that keeps them from it. */
  #onStarted: (problem?: string) => void = () => {};

  /** `onFailed` is told when the instance cannot go on after it had started. */
  constructor(options: PrimaryOptions, onFailed: (problem: string) => void) {
    this.#logger = options.logger;
    this.#onFailed = onFailed;
    this.#readAgain = options.readAgain;
    this.#instance = new Instance(options, {
      notReady: () => this.notReady(),
      drain: () => this.drain(),
      reload: () => this.readAgain(),
      complete: () => this.#complete(),
      failed: (problem) => this.#failed(problem),
    });
  }

  /**
   * Listens, starts the workers and resolves when all are ready. Rejects with the system's error when a port
   * cannot be had and with a sentence when workers cannot start or a stop comes first; nothing is left
   * running then.
   */
  async start(): Promise<Addresses> {
    if (this.#state !== "idle") throw new Error("a primary starts once");
    this.#state = "starting";
    try {
      this.#opening = this.#instance.open();
      const addresses = await this.#opening;
      await new Promise<void>((resolve, reject) => {
        this.#onStarted = (problem) => (problem === undefined ? resolve() : reject(new Error(problem)));
        if (this.#state !== "starting") return this.#onStarted(STOPPED_EARLY);
        this.#instance.startWorkers(addresses);
      });
      return addresses;
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  /** Why the instance should get no traffic, one sentence each; empty when it is ready. */
  notReady(): readonly string[] {
    if (this.#state !== "starting" && this.#state !== "running") return ["The instance is stopping."];
    return this.#instance.problems();
  }

  /**
   * Makes health checks fail, sends every client away and ends the workers; the instance stays up without
   * them, until `stop`. Undefined before it has started. Idempotent: a second call says how far the first is.
   */
  drain(): DrainProgress | undefined {
    if (this.#state === "idle" || this.#state === "starting") return undefined;
    const { drain, drainPlan } = this.#instance;
    drain.begin(drainPlan);
    return drain.progress;
  }

  /**
   * Replaces the workers by ones of this program, one after the other, or joins a reload under way. Only a
   * running instance does. Resolved at once; the log and the metrics say how it goes.
   */
  reload(options: ReloadOptions): void {
    if (!this.#mayReload) return this.#logger.warn({}, "no reload: the instance is going away");
    const { drain, rebalance, retention, hasPresence, clockLeewayMs, origins, settings, ...program } =
      options;
    const kept = { drain, rebalance, retention, hasPresence, clockLeewayMs, origins, settings };
    this.#instance.reload(program, kept);
  }

  /**
   * Reads certificates and settings again, and reloads with them. Settings that are wrong are counted, and
   * the old ones go on. Where files of certificates alone have changed since the last call, no worker is
   * replaced: a renewal ends no connection.
   */
  readAgain(): ReloadOutcome {
    if (!this.#mayReload) {
      this.#logger.warn({}, "no reload: the instance has not started, or is going away");
      return { kind: "unavailable" };
    }
    const certificates = this.#instance.renewCertificates();
    const read = this.#readAgain?.() ?? NOTHING_TO_READ;
    if (read.kind === "refused") {
      this.#instance.metrics.reloaded("refused");
      return read;
    }
    if (certificates !== "unchanged" && read.isNew === false)
      this.#logger.info(
        { certificates },
        "reload: certificates alone have changed, so no worker is replaced",
      );
    else this.reload(read.options);
    return { kind: "begun" };
  }

  /** How it goes away, as the newest settings say. */
  get drainPlan(): DrainPlan {
    return this.#instance.drainPlan;
  }

  /**
   * Drains, then ends what is left. With `windowMs` the close messages begin at once, if they have not begun,
   * and are spread over that; otherwise it is as the settings say. Resolves when all is gone. Idempotent: a
   * second call awaits the first.
   */
  stop(windowMs?: number): Promise<void> {
    const { drain, drainPlan } = this.#instance;
    if (windowMs !== undefined && this.#stopped !== undefined) drain.hurry({ ...drainPlan, windowMs });
    this.#stopped ??= this.#stop(windowMs);
    return this.#stopped;
  }

  /**
   * Ends the workers without close messages, in two seconds at most; what hangs is killed. For a caller that
   * does not wait for a stop: the process has to exit then.
   */
  abort(): Promise<void> {
    return this.#instance.abort();
  }

  async #stop(windowMs: number | undefined): Promise<void> {
    const { drain, drainPlan } = this.#instance;
    const plan = { ...drainPlan, windowMs: windowMs ?? drainPlan.windowMs };
    // No client was sent here before it was ready.
    const delayed = this.#state === "running" && windowMs === undefined;
    this.#state = "stopping";
    this.#onStarted(STOPPED_EARLY);
    if (delayed) drain.begin(plan);
    else drain.hurry(plan);
    await drain.done;
    await this.#opening?.catch(() => {});
    await this.#instance.close();
    this.#state = "stopped";
  }

  get #mayReload(): boolean {
    return this.#state === "running" && this.#instance.drain.state === "serving";
  }

  #complete(): void {
    if (this.#state !== "starting") return;
    this.#state = "running";
    this.#onStarted();
  }

  #failed(problem: string): void {
    if (this.#state === "starting") this.#onStarted(problem);
    else if (this.#state === "running") this.#onFailed(problem);
  }
}
