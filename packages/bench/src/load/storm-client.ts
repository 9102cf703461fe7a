/**
 * The storm client: offers handshakes at a rate to one port, holds the connections, lets them go.
 *
 * The C program where there is a compiler, otherwise the same in Node (`storm-node.ts`), which is slower and
 * named so.
 */
import { join } from "node:path";
import { LineProcess } from "../line-process.js";
import { BENCH } from "../packages.js";
import { nativeProgram } from "./native.js";

export interface StormOptions {
  readonly port: number;
  readonly count: number;
  /** Handshakes offered per second. */
  readonly rate: number;
  /** Path and query; a session id is appended as &sid=. */
  readonly target: string;
  /** A file with one session id a line, sent with the handshakes. */
  readonly sidsIn?: string;
  /** A file for the session ids that the server announces in its first frame. */
  readonly sidsOut?: string;
  /** Whether each shakes hands first, in full. Default: none does. */
  readonly tls?: boolean;
  /** Default 20 s. */
  readonly timeoutMs?: number;
}

export interface StormResult {
  readonly ok: number;
  /** From the start to the last successful handshake. */
  readonly elapsedMs: number;
  /** Of one handshake, from connect() to the whole answer, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The same from the moment the connect was due, ms. */
  readonly dueP50: number;
  readonly dueP99: number;
  readonly cpuMs: number;
  /** By reason. */
  readonly failed: Readonly<Record<string, number>>;
}

const TIMEOUT_MS = 20_000;
/** A process may open 20,000 files on a machine with tight limits; two keep two cores' worth of pace. */
const MAX_PER_PROCESS = 15_000;

/** The client's name in the output. */
export function stormClientName(): string {
  return "path" in nativeProgram("storm") ? "storm.c" : "storm-node (no C compiler)";
}

export class StormClient {
  readonly #process: LineProcess;

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  get command(): string {
    return this.#process.command;
  }

  /** Starts the client; it waits for `run`. */
  static async start(options: StormOptions): Promise<StormClient> {
    const { port, count, rate, target, sidsIn = "-", sidsOut = "-", timeoutMs = TIMEOUT_MS } = options;
    const processes = Math.max(2, Math.ceil(count / MAX_PER_PROCESS));
    const args = [port, count, rate, processes, timeoutMs, target, sidsIn, sidsOut].map(String);
    const native = nativeProgram("storm");
    // The C program speaks no TLS.
    if (options.tls === true) args.push("tls");
    const { process: started } =
      "path" in native && options.tls !== true
        ? await LineProcess.start(native.path, args)
        : await LineProcess.start(process.execPath, [join(BENCH, "dist/load/storm-node.js"), ...args]);
    return new StormClient(started);
  }

  /** Storms, and resolves when every handshake is through or the time is up. Connections stay open. */
  async run(): Promise<StormResult> {
    return (await this.#process.ask("go")) as unknown as StormResult;
  }

  /** Lets every connection go. Idempotent. */
  async stop(): Promise<void> {
    this.#process.tell("end");
    await this.#process.stop();
  }
}
