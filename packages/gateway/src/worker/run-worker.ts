/**
 * A worker's process: opens the link, waits for `start`, runs a `Worker` until the primary says or is gone.
 *
 * The primary decides when a worker ends. Signals that a terminal or a service manager sends to the whole
 * process group are therefore ignored, and an error that was not caught ends the process, because the
 * supervisor can start a clean one and it is not known what this one still does right.
 * Invariant: the process does not outlive its primary, not even one that hangs (the primary's
 * `orphan-guard.ts`).
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Logger } from "@holdfast/core";
import type { Owner } from "@holdfast/protocol";
import { HANDLES_FD, LINK_FD, Link } from "../link/link.js";
import { LINK_VERSION, type ToPrimary, type ToWorker } from "../link/messages.js";
import { HandlePipe, type HandlePipeEvents } from "../runtime/handle-pipe.js";
import { DirectDoor } from "./direct-door.js";
import { HandOffReceiver } from "./hand-off-receiver.js";
import type { WorkerOptions } from "./options.js";
import { PipedSockets } from "./piped-sockets.js";
import { Worker, type WorkerMessage } from "./worker.js";

/** How long connections may take to close when the primary is gone, ms. */
const LAST_WORDS_MS = 1_000;

/**
 * From the primary's `workerConfig` and this worker's place to what it runs with. A throw refuses the start.
 */
export type MakeWorkerOptions = (config: unknown, owner: Owner) => WorkerOptions | Promise<WorkerOptions>;

type StartMessage = Extract<ToWorker, { readonly type: "start" }>;

type State =
  | { readonly t: "waiting" }
  | { readonly t: "starting" }
  | { readonly t: "running"; readonly worker: Worker; readonly logger: Logger }
  /** The primary was told why; it ends this process. */
  | { readonly t: "refused" }
  | { readonly t: "ending" };

/** Makes this process a worker. Returns at once; call it once. */
export function runWorker(makeOptions: MakeWorkerOptions): void {
  const life = new WorkerLife(makeOptions);
  process.on("SIGINT", ignoreSignal);
  process.on("SIGTERM", ignoreSignal);
  process.on("SIGHUP", ignoreSignal);
  process.on("SIGUSR2", ignoreSignal);
  process.on("disconnect", () => life.end());
  // A channel to the primary that breaks says so here; the link's end says it too.
  process.on("error", () => life.end());
  process.stderr.on("error", ignoreSignal);
  // The system may keep a process from its end; the primary sees the closed link, waits a little, and kills
  // it.
  process.prependListener("exit", closeLink);
  process.on("uncaughtException", (problem) => life.crash(problem));
}

class WorkerLife {
  readonly #makeOptions: MakeWorkerOptions;
  readonly #link: Link<ToPrimary, ToWorker>;
  #state: State = { t: "waiting" };

  constructor(makeOptions: MakeWorkerOptions) {
    this.#makeOptions = makeOptions;
    this.#link = new Link(new Socket({ fd: LINK_FD }), {
      message: (message) => this.#receive(message),
      oversized: () => this.#oversized(),
      closed: (problem) => this.#linkClosed(problem),
    });
  }

  /** The primary is gone: close what is open, then go too. */
  end(): void {
    const last = this.#state;
    if (last.t === "ending") return;
    this.#state = { t: "ending" };
    if (last.t !== "running") process.exit(0);
    const exit = (): void => process.exit(0);
    setTimeout(exit, LAST_WORDS_MS);
    last.worker.close().then(exit, exit);
  }

  crash(problem: unknown): void {
    if (this.#state.t === "running") this.#state.logger.error({ err: problem }, "an uncaught error");
    else process.stderr.write(`holdfast worker: ${String(problem)}\n`);
    process.exit(1);
  }

  #receive(message: ToWorker): void {
    if (message.type === "start") void this.#start(message);
    else if (this.#state.t === "running") this.#state.worker.receive(message satisfies WorkerMessage);
  }

  async #start({
    link,
    config,
    slot,
    generation,
    relayDirectory,
    port,
    tls,
    piped,
  }: StartMessage): Promise<void> {
    if (this.#state.t !== "waiting") return;
    this.#state = { t: "starting" };
    try {
      assertSameVersion(link);
      const options = await this.#makeOptions(config, { slot, generation });
      const handOffs = new HandOffReceiver(process);
      const owner: Owner = { slot, generation };
      const door: DirectDoor | undefined =
        options.direct &&
        new DirectDoor(
          options.direct,
          {
            owner,
            sockets: () => worker.sockets,
            take: (handle, head, ended) => handOffs.take(handle, head, ended),
          },
          { process },
          options.clock,
          options.logger,
        );
      const worker: Worker = new Worker(options, {
        owner,
        relayDirectory,
        port,
        tls,
        send: (message, share) => this.#link.send(message, share),
        received: () => handOffs.received,
        takeDeparted: () => handOffs.takeDeparted(),
        door,
      });
      handOffs.deliverTo(worker.http);
      if (piped) new PipedSockets(openPipe, options.clock, (...came) => handOffs.takePiped(...came));
      // From now on: the broker answers while the worker still opens its socket.
      this.#state = { t: "running", worker, logger: options.logger };
      await worker.listen();
      this.#link.send({ type: "ready" });
    } catch (problem) {
      this.#state = { t: "refused" };
      this.#link.send({
        type: "refused",
        problem: problem instanceof Error ? problem.message : String(problem),
      });
    }
  }

  #oversized(): void {
    if (this.#state.t === "running")
      this.#state.logger.error({}, "left out a message of the primary that was too large for the link");
  }

  #linkClosed(problem: Error | undefined): void {
    if (problem !== undefined && this.#state.t === "running") {
      this.#state.logger.warn({ err: problem }, "the link to the primary broke");
    }
    this.end();
  }
}

/** Throws where the primary is of another version. */
function assertSameVersion(link: number): void {
  if (link === LINK_VERSION) return;
  throw new Error(
    `the code on disk speaks version ${LINK_VERSION} to its primary, and the one that runs version ${link}: ` +
      "restart the instance instead of reloading it",
  );
}

function openPipe(events: HandlePipeEvents): HandlePipe {
  return new HandlePipe(new Socket({ fd: HANDLES_FD, readable: false }), events);
}

function ignoreSignal(): void {}

function closeLink(): void {
  try {
    closeSync(LINK_FD);
  } catch {
    // Closed already.
  }
}
