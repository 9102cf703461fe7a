/**
 * The listeners of the public ports: opened, paused and closed together, and their copies.
 *
 * A listener can pause only while it has a copy of its handle, which a worker makes (`tcp-listener.ts`).
 * Invariant: each listener has its copies, or one worker that is ready is making the next, if there is any.
 */
import type { ListenHandle, openListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { TcpListener } from "../../runtime/tcp-listener.js";
import type { WorkerProcess } from "../workers/worker-process.js";

export interface ListenersOptions {
  readonly host: string;
  readonly ports: readonly number[];
  readonly backlog: number;
}

export class Listeners {
  readonly #all: readonly TcpListener[];
  /** Which worker is to send back a copy of which listener's handle. */
  readonly #askedOf = new Map<number, WorkerProcess>();

  private constructor(all: readonly TcpListener[]) {
    this.#all = all;
  }

  /** No listener at all. */
  static none(): Listeners {
    return new Listeners([]);
  }

  /** Listens on every port; all or none. Rejects with the system's error. */
  static async open(
    { host, ports, backlog }: ListenersOptions,
    accept: (handle: TcpHandle | undefined) => void,
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
    return new Listeners(opened);
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

  /** Accepts again. `worker` is to copy what needs a copy now. */
  resume(worker: WorkerProcess | undefined): void {
    for (const listener of this.#all) if (listener.paused) listener.resume();
    this.copyBy(worker);
  }

  /** Has a worker copy each handle that needs it and that no worker copies. */
  copyBy(worker: WorkerProcess | undefined): void {
    if (worker === undefined) return;
    for (const { port, uncopied } of this.#all) {
      if (uncopied === undefined || this.#askedOf.has(port)) continue;
      this.#askedOf.set(port, worker);
      worker.copy(uncopied, port);
    }
  }

  /** A copy of the handle of `port` has come. `worker` is to make the next, where more are needed. */
  copied(port: number, copy: ListenHandle, worker: WorkerProcess | undefined): void {
    this.#askedOf.delete(port);
    const listener = this.#all.find((each) => each.port === port);
    if (listener === undefined) copy.close();
    else listener.copied(copy);
    this.copyBy(worker);
  }

  /** A worker is gone, and the copies that it was to make; `another` is asked instead. */
  lost(worker: WorkerProcess, another: WorkerProcess | undefined): void {
    for (const [port, asked] of this.#askedOf) if (asked === worker) this.#askedOf.delete(port);
    this.copyBy(another);
  }

  /** Stops listening. Idempotent. */
  close(): void {
    for (const listener of this.#all) listener.close();
  }
}
