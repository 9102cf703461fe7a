/**
 * An EC2 instance of an Auto Scaling group with a gateway on it, as its services would show it.
 *
 * Time is the test's: `now` moves it. It keeps what the agent did: `isCompletedEarly` once the hook was
 * completed while clients were left, `end` by what the hook's wait was over.
 */
import type { GatewayDrain } from "../local-gateway.js";
import type { KnownInstance } from "./fake-aws.js";

export interface Life {
  readonly id: string;
  /** When the group decides to terminate it, s. */
  readonly terminatesAt: number;
  /** From then to the begin of the hook's wait, s. */
  readonly deregistration: number;
  /** Of the hook, s. */
  readonly heartbeatTimeout: number;
  /** From the first request to drain to the last client's goodbye, s. */
  readonly drain: number;
  /** When the gateway's admin port is away, s: from and to. */
  readonly gatewayAway?: readonly [number, number];
  /** When the metadata or the API fail, s: from and to. */
  readonly metadataFail?: readonly [number, number];
  readonly apiThrottled?: readonly [number, number];
  readonly rebalanceAt?: number;
}

export type End = "completed" | "timed out";

export class FakeInstance implements KnownInstance {
  readonly life: Life;
  now = 0;
  drainAskedAt: number | undefined;
  isCompletedEarly = false;
  heartbeats = 0;
  end: End | undefined;
  #waitUntil: number | undefined;

  constructor(life: Life) {
    this.life = life;
  }

  get id(): string {
    return this.life.id;
  }

  get lifecycleState(): string {
    const { terminatesAt, deregistration, heartbeatTimeout } = this.life;
    if (this.now < terminatesAt) return "InService";
    if (this.end !== undefined) return "Terminating:Proceed";
    if (this.now < terminatesAt + deregistration) return "Terminating";
    this.#waitUntil ??= terminatesAt + deregistration + heartbeatTimeout;
    if (this.now > this.#waitUntil) {
      this.end = "timed out";
      return "Terminating:Proceed";
    }
    return "Terminating:Wait";
  }

  /** Of `autoscaling/target-lifecycle-state`, which says the end before the hook's wait begins. */
  get targetState(): string {
    return this.now < this.life.terminatesAt ? "InService" : "Terminated";
  }

  get isRebalanced(): boolean {
    return this.life.rebalanceAt !== undefined && this.now >= this.life.rebalanceAt;
  }

  get isDrained(): boolean {
    return this.drainAskedAt !== undefined && this.now >= this.drainAskedAt + this.life.drain;
  }

  askDrain(): GatewayDrain {
    if (isWithin(this.now, this.life.gatewayAway)) throw new Error("503: the start is not through");
    this.drainAskedAt ??= this.now;
    if (this.isDrained) return { name: "drained" };
    const deadline = (this.drainAskedAt + this.life.drain) * 1000;
    return { name: "draining", left: 1, deadline };
  }

  /** False: the API refuses it, for there is no active lifecycle action. */
  heartbeat(): boolean {
    if (this.lifecycleState !== "Terminating:Wait") return false;
    this.heartbeats++;
    this.#waitUntil = this.now + this.life.heartbeatTimeout;
    return true;
  }

  complete(): boolean {
    if (this.lifecycleState !== "Terminating:Wait") return false;
    if (!this.isDrained) this.isCompletedEarly = true;
    this.end = "completed";
    return true;
  }

  get isMetadataFailing(): boolean {
    return isWithin(this.now, this.life.metadataFail);
  }

  get isApiThrottled(): boolean {
    return isWithin(this.now, this.life.apiThrottled);
  }
}

function isWithin(now: number, range: readonly [number, number] | undefined): boolean {
  return range !== undefined && now >= range[0] && now < range[1];
}
