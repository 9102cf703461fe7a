/**
 * The agent: it watches what becomes of the instance, drains the gateway, and lets the instance go when no
 * client is left.
 *
 *     watching ──notice──► draining ──drained or absent──► releasing ──hook over──► released
 *
 * Invariant: the hook is completed only after the gateway has said that it is drained, or has been absent
 * several turns in a row. Nothing ends the agent but its own stop: the next turn tries again what failed.
 */

import { describeNotice, type EndNotice, stronger } from "./end-notice.js";
import type { InstanceMetadata } from "./instance-metadata.js";
import type { LifecycleHook } from "./lifecycle-hook.js";
import type { LocalGateway } from "./local-gateway.js";

export type AgentState =
  | { readonly name: "watching" }
  | { readonly name: "draining"; readonly notice: EndNotice }
  /** The gateway has no client left; the hook is to be completed. */
  | { readonly name: "releasing"; readonly notice: EndNotice }
  | { readonly name: "released"; readonly notice: EndNotice };

/** What the agent says, one line each. */
export interface AgentLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface AgentOptions {
  readonly metadata: InstanceMetadata;
  readonly gateway: Pick<LocalGateway, "drain">;
  readonly hook: LifecycleHook;
  readonly log: AgentLog;
  /** Between two heartbeats of the hook while the gateway drains, ms. A third of its timeout. */
  readonly heartbeatMs: number;
  /** Whether a rebalance recommendation drains, too. */
  readonly onRebalance: "log" | "drain";
  /** Monotonic, ms. */
  readonly now: () => number;
  /** ms since 1970: for the deadline of a drain, which the gateway says by its clock. */
  readonly wallNow: () => number;
}

/** Turns in a row without a gateway, before it counts as ended: a restart takes a moment. */
const ABSENT_TURNS = 3;
/** How long after its deadline a drain may still have clients, before the hook is no longer prolonged. */
const OVERDUE_MS = 30_000;

export class InstanceAgent {
  readonly #options: AgentOptions;
  #state: AgentState = { name: "watching" };
  #notice: EndNotice | undefined;
  #absentTurns = 0;
  #beatAt = Number.NEGATIVE_INFINITY;
  /** The last failure of each part, so that a lasting one is said once. */
  readonly #failing = new Map<string, string>();

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  get state(): AgentState {
    return this.#state;
  }

  /** One look at everything, and what follows from it. Never rejects. */
  async turn(): Promise<void> {
    // Nothing takes a termination back.
    if (this.#notice?.kind !== "terminating")
      await this.#try("instance metadata", async () => this.#hear(await this.#options.metadata.notice()));
    // In one turn as far as it goes: a Spot instance has two minutes.
    if (this.#state.name === "draining") await this.#drain(this.#state.notice);
    if (this.#state.name === "releasing") await this.#release(this.#state.notice);
  }

  #hear(heard: EndNotice | undefined): void {
    const before = this.#notice;
    this.#notice = stronger(before, heard);
    const notice = this.#notice;
    if (notice === undefined || notice.kind === before?.kind) return;
    this.#options.log.info(describeNotice(notice));
    if (notice.kind === "rebalance" && this.#options.onRebalance === "log") return;
    // A drain that is under way, or over, stays so; the hook of a stronger notice is to be completed yet.
    switch (this.#state.name) {
      case "watching":
      case "draining":
        this.#state = { name: "draining", notice };
        break;
      case "releasing":
      case "released":
        this.#state = { name: "releasing", notice };
        break;
    }
  }

  async #drain(notice: EndNotice): Promise<void> {
    const { gateway, log, wallNow } = this.#options;
    let isOverdue = false;
    await this.#try("gateway", async () => {
      const drain = await gateway.drain();
      this.#absentTurns = drain.name === "absent" ? this.#absentTurns + 1 : 0;
      isOverdue =
        drain.name === "draining" && drain.deadline !== undefined && wallNow() > drain.deadline + OVERDUE_MS;
      if (isOverdue)
        throw new Error("clients are left after the drain's deadline: the hook is no longer prolonged");
      if (drain.name === "drained" || this.#absentTurns >= ABSENT_TURNS) {
        log.info(drain.name === "drained" ? "the gateway is drained" : "the gateway has ended");
        this.#state = { name: "releasing", notice };
      }
    });
    // Also while the gateway does not answer: its clients are worth the hook's wait. Not for a drain that
    // hangs: then the hook's own timeout decides.
    if (this.#state.name === "draining" && !isOverdue) await this.#beat(notice);
  }

  async #beat(notice: EndNotice): Promise<void> {
    const { hook, heartbeatMs, now } = this.#options;
    if (notice.kind !== "terminating" || now() - this.#beatAt < heartbeatMs) return;
    await this.#try("heartbeat", async () => {
      if ((await hook.state()) !== "waiting") return;
      await hook.heartbeat();
      this.#beatAt = now();
    });
  }

  async #release(notice: EndNotice): Promise<void> {
    // Without a hook nothing waits: EC2 ends the instance when it wants to.
    if (notice.kind !== "terminating") {
      this.#state = { name: "released", notice };
      return;
    }
    const { hook, log } = this.#options;
    await this.#try("lifecycle hook", async () => {
      const state = await hook.state();
      if (state === "not-yet") return;
      if (state === "waiting") {
        await hook.complete();
        log.info("the lifecycle hook is completed");
      }
      this.#state = { name: "released", notice };
    });
  }

  /** Runs a part of a turn. A failure is said once, and so is its end. */
  async #try(part: string, work: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    try {
      await work();
      if (this.#failing.delete(part)) log.info(`${part}: works again`);
    } catch (error) {
      const sentence = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (this.#failing.get(part) === sentence) return;
      this.#failing.set(part, sentence);
      log.warn(`${part}: ${sentence}; tried again`);
    }
  }
}
