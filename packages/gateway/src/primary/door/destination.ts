/**
 * A destination: one worker as the front door sees it. Whether it takes sockets, and how many more may wait
 * for it.
 *
 * Lives as long as its worker is ready, and is asked for each socket: no figure here is looked up in a list
 * or made anew. Invariant: a worker that has let a socket wait for `STUCK_MS`, or could not receive one, gets
 * none until it has moved on, or had time to.
 */

import type { WorkerProcess } from "../workers/worker-process.js";
import type { Candidate } from "./router.js";

/**
 * Whole heads that may wait in front of one worker: enough to keep it busy (8 ms of handshakes), few enough
 * to be routed by fresh load.
 */
const QUEUE_PER_WORKER = 32;
/** A worker that has let a socket wait this long takes none: what is queued for it goes to others, ms. */
const STUCK_MS = 1000;
/**
 * A worker that could not receive a socket, most likely for want of descriptors, is left alone for this long,
 * ms.
 */
const REST_MS = 1000;
/** A worker whose event loop was this late gets no sockets while others can take them, ms. */
const LAGGING_MS = 200;

export class Destination implements Candidate {
  readonly worker: WorkerProcess;
  readonly maxSockets: number;
  readonly #isCollecting: (worker: WorkerProcess) => boolean;
  #state: "taking" | "stuck" | "resting" = "taking";
  /** When it may be given sockets again, monotonic ms. */
  #restsUntil = 0;

  /** `maxSockets`: sockets that it may hold. */
  constructor(worker: WorkerProcess, maxSockets: number, isCollecting: (worker: WorkerProcess) => boolean) {
    this.worker = worker;
    this.maxSockets = maxSockets;
    this.#isCollecting = isCollecting;
  }

  get owner(): Candidate["owner"] {
    return this.worker.owner;
  }

  get state(): Candidate["state"] {
    return this.worker.state;
  }

  get sockets(): number {
    return this.worker.sockets;
  }

  get busy(): boolean {
    const { worker } = this;
    return (
      worker.queue.waiting >= QUEUE_PER_WORKER ||
      worker.load.loopDelayMs > LAGGING_MS ||
      this.#isCollecting(worker)
    );
  }

  get reaches(): boolean {
    return this.worker.load.broker === "ready";
  }

  get stuck(): boolean {
    return this.#state !== "taking";
  }

  /**
   * How many more may wait for it. Less than none where sessions came back to it faster than it takes them:
   * then as many fewer are read for the others, so that what waits for all together is bounded, and no
   * session is sent astray.
   */
  get room(): number {
    const { state, queue } = this.worker;
    return state === "ready" && !this.stuck ? QUEUE_PER_WORKER - queue.waiting : 0;
  }

  /** It could not receive a socket. */
  rest(now: number): void {
    this.#state = "resting";
    this.#restsUntil = now + REST_MS;
  }

  /** Looks, a few times a second, whether it moves. True while what is queued for it should go to others. */
  check(now: number): boolean {
    const stuck = this.worker.queue.waitingMs > STUCK_MS;
    if (stuck) this.#state = "stuck";
    else if (this.#state === "stuck" || now >= this.#restsUntil) this.#state = "taking";
    return stuck;
  }
}
