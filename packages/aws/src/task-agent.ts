/**
 * The agent of an ECS task: while the gateway drains, neither a scale-in nor a deployment chooses the task.
 *
 *     open ──drain──► protected (renewed) ──drained, absent or overdue──► open
 *
 * Invariant: the protection is short and renewed. An agent that ends leaves at most `EXPIRY_MINUTES` of it
 * behind, and a drain that hangs is not protected for ever: an old protection holds a deployment up.
 */
import type { AgentLog } from "./agent.js";
import type { GatewayDrain, LocalGateway } from "./local-gateway.js";
import type { TaskProtection } from "./task-protection.js";

export interface TaskAgentOptions {
  readonly gateway: Pick<LocalGateway, "look">;
  readonly protection: TaskProtection;
  readonly log: AgentLog;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** ms since 1970: for the deadline of a drain, which the gateway says by its clock. */
  readonly wallNow: () => number;
}

export const EXPIRY_MINUTES = 2;
const RENEW_MS = 30_000;
/** How long after its deadline a drain may still have clients. */
const OVERDUE_MS = 30_000;

export class TaskAgent {
  readonly #options: TaskAgentOptions;
  /** When it was protected last; undefined while it is open. */
  #protectedAt: number | undefined;
  #failure: string | undefined;

  constructor(options: TaskAgentOptions) {
    this.#options = options;
  }

  get isProtected(): boolean {
    return this.#protectedAt !== undefined;
  }

  /** One look, and what follows from it. Never rejects. */
  async turn(): Promise<void> {
    const { gateway, log } = this.#options;
    try {
      const drain = await gateway.look();
      if (this.#isToProtect(drain)) await this.#protect();
      else await this.#release();
      if (this.#failure !== undefined) log.info("task protection: works again");
      this.#failure = undefined;
    } catch (error) {
      const sentence = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (sentence !== this.#failure) log.warn(`task protection: ${sentence}; tried again`);
      this.#failure = sentence;
    }
  }

  #isToProtect(drain: GatewayDrain): boolean {
    if (drain.name !== "draining") return false;
    return drain.deadline === undefined || this.#options.wallNow() <= drain.deadline + OVERDUE_MS;
  }

  async #protect(): Promise<void> {
    const { now, protection, log } = this.#options;
    if (this.#protectedAt !== undefined && now() - this.#protectedAt < RENEW_MS) return;
    await protection.protect(EXPIRY_MINUTES);
    if (this.#protectedAt === undefined) log.info("the gateway drains: the task is protected");
    this.#protectedAt = now();
  }

  async #release(): Promise<void> {
    if (this.#protectedAt === undefined) return;
    await this.#options.protection.release();
    this.#protectedAt = undefined;
    this.#options.log.info("the task is protected no more");
  }
}
