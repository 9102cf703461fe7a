/**
 * The policy of a door: which sockets it refuses, by its state, by how full it is and by its limits.
 *
 *     open ──unready──► leaving ──refuse──► refusing ──close──► closed      (from every earlier state)
 *
 * One for the primary's door and for that of a worker in direct mode; what they do with a socket that may
 * come in is theirs. Invariants: a door that is full, or whose limits are met, still tells a health check
 * that all is well, unless it is leaving: a load balancer cuts the connections of what it holds for ill; a
 * socket is charged to its address's rate once, and held for it until its holder releases it.
 */
import type { Clock } from "@holdfast/core";
import { isHealthCheck } from "../http/request-head.js";
import { type ConnectionLimitOptions, ConnectionLimits } from "./connection-limits.js";
import type { Refused } from "./front-answers.js";
import type { PendingSocket } from "./pending-socket.js";

export interface DoorPolicyOptions {
  readonly limits: ConnectionLimitOptions;
  /** Sockets that may be held, those in the door included. */
  readonly maxConnections: number;
}

type State = "open" | "leaving" | "refusing" | "closed";

/** `Holder` has a connection: the door, or a worker. */
export class DoorPolicy<Holder extends object> {
  readonly limits: ConnectionLimits<Holder>;
  readonly #maxConnections: number;
  /** Sockets that are held, those in the door included. */
  readonly #held: () => number;
  #state: State = "open";

  constructor({ limits, maxConnections }: DoorPolicyOptions, held: () => number, clock: Clock) {
    this.limits = new ConnectionLimits(limits, clock);
    this.#maxConnections = maxConnections;
    this.#held = held;
  }

  /** Whether sockets are admitted. */
  get isOpen(): boolean {
    return this.#state === "open" || this.#state === "leaving";
  }

  /** Whether health checks are told that all is well. */
  get isWell(): boolean {
    return this.#state === "open";
  }

  /** Whether as many are held as may be. `beyond`: so many more. */
  isFull(beyond = 0): boolean {
    return this.#held() >= this.#maxConnections + beyond;
  }

  /** From now on a health check at the cap is not told that all is well. */
  unready(): void {
    if (this.#state === "open") this.#state = "leaving";
  }

  /** From now on every socket is told that the server is going away. False: it is already. */
  refuse(): boolean {
    const wasOpen = this.isOpen;
    if (wasOpen) this.#state = "refusing";
    return wasOpen;
  }

  /** False: it is closed already. */
  close(): boolean {
    const wasClosed = this.#state === "closed";
    this.#state = "closed";
    return !wasClosed;
  }

  /**
   * What a socket with a whole head is told instead of coming in, if anything. `isCounted`: whether it is one
   * of those that are held.
   */
  judge(socket: PendingSocket, isCounted = true): "healthy" | Refused | undefined {
    const refused = this.isFull(isCounted ? 1 : 0) ? "limit_connections" : this.limits.checkArrived(socket);
    return refused !== undefined && this.isWell && isHealthCheck(socket.target) ? "healthy" : refused;
  }
}
