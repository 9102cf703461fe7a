/**
 * The listeners of the public ports: opened, paused and closed together, and their copies.
 *
 * A listener can pause only while it has a copy of its handle, which a worker makes (`tcp-listener.ts`).
 * Invariant: each listener has its copies, or one worker that is ready is making the next, if there is any. A
 * copy that does not come, for want of a descriptor on its way, is asked for again, of another worker.
 */
import type { Clock } from "@holdfast/core";
import type { ListenHandle, openListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { TcpListener } from "../../runtime/tcp-listener.js";
import type { WorkerProcess } from "../workers/worker-process.js";

export interface ListenersOptions {
  readonly host: string;
  readonly ports: readonly number[];
  readonly backlog: number;
}

/** A copy that was asked for; `at`: monotonic ms. */
interface Asked {
  readonly worker: WorkerProcess;
  readonly at: number;
}

/** A copy is a message there and one back: one that has not come by then, ms, does not come. */
const LATE_MS = 5_000;

export class Listeners {
  readonly #all: readonly TcpListener[];
  readonly #clock: Clock;
  /** Which worker is to send back a copy of which listener's handle, by port. */
  readonly #asked = new Map<number, Asked>();
  /** How many were asked for: workers take turns. */
  #asks = 0;

  private constructor(all: readonly TcpListener[], clock: Clock) {
    this.#all = all;
    this.#clock = clock;
  }

  /** No listener at all. */
  static none(clock: Clock): Listeners {
    return new Listeners([], clock);
  }

  /** Listens on every port; all or none. Rejects with the system's error. */
  static async open(
    { host, ports, backlog }: ListenersOptions,
    accept: (handle: TcpHandle | undefined) => void,
    clock: Clock,
    openHandle?: typeof openListenHandle,
  ): Promise<Listeners> {
    const opened: TcpListener[] = [];
    try {
      for (const port of ports)
        opened.push(await TcpListener.open({ host, port, backlog }, accept, openHandle));
    } catch (error) {
      for (const listener of opened) listener.close();
      throw error;
    }
    return new Listeners(opened, clock);
  }

  get ports(): readonly number[] {
    return this.#all.map(({ port }) => port);
  }

  /** Leaves who comes to the kernel's backlog. Returns how many listeners did. */
  pause(): number {
    let paused = 0;
    for (const listener of this.#all) if (listener.pause()) paused++;
    return paused;
  }

  /** Accepts again. One of `workers`, which are ready, is to copy what needs a copy now. */
  resume(workers: readonly WorkerProcess[]): void {
    for (const listener of this.#all) if (listener.paused) listener.resume();
    this.copyBy(workers);
  }

  /** Has one of these, which are ready, copy each handle that needs it and that no worker copies. */
  copyBy(workers: readonly WorkerProcess[]): void {
    const now = this.#clock.monotonic();
    for (const { port, uncopied } of this.#all) {
      if (uncopied === undefined || now - (this.#asked.get(port)?.at ?? -LATE_MS) < LATE_MS) continue;
      const worker = workers[this.#asks++ % workers.length];
      if (worker === undefined) return;
      this.#asked.set(port, { worker, at: now });
      worker.copy(uncopied, port);
    }
  }

  /** A copy of the handle of `port` has come. One of `workers` is to make the next, where more are needed. */
  copied(port: number, copy: ListenHandle, workers: readonly WorkerProcess[]): void {
    this.#asked.delete(port);
    const listener = this.#all.find((each) => each.port === port);
    if (listener === undefined) copy.close();
    else listener.copied(copy);
    this.copyBy(workers);
  }

  /** A worker is gone, and the copies that it was to make; one of the others is asked instead. */
  lost(worker: WorkerProcess, others: readonly WorkerProcess[]): void {
    for (const [port, asked] of this.#asked) if (asked.worker === worker) this.#asked.delete(port);
    this.copyBy(others);
  }

  /** Stops listening. Idempotent. */
  close(): void {
    for (const listener of this.#all) listener.close();
  }
}
