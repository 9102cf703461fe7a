/**
 * The fleet: many subscribers in one process that say what they received and how late.
 *
 * The C program where there is a compiler, otherwise the same in Node (`fleet-node.ts`), which is slower and
 * named so.
 */
import { join } from "node:path";
import { LineProcess } from "../line-process.js";
import { BENCH } from "../packages.js";
import { nativeProgram } from "./native.js";

/**
 * How connections hear: `get`, `nchan` and `poll` are held requests that are asked again when they are
 * answered.
 */
export type FleetProtocol = "websocket" | "sse" | "get" | "nchan" | "poll";

export interface FleetOptions {
  readonly port: number;
  /** Path and query up to where the channels are appended: c0,c1,… */
  readonly target: string;
  /** Default 1. */
  readonly channels?: number;
  /** Default 1. */
  readonly channelsPerConnection?: number;
  /** A text frame to send after each opening handshake. */
  readonly hello?: string | undefined;
  /** Default websocket; the others need the C program. */
  readonly protocol?: FleetProtocol;
}

export interface FleetReport {
  readonly open: number;
  readonly failed: number;
  readonly lost: number;
  /** Stamped messages received since the reset. */
  readonly messages: number;
  readonly bytes: number;
  /** Different stamps among them. */
  readonly rounds: number;
  /** Summed over the rounds: from the stamp to the last receipt, ms. */
  readonly busyMs: number;
  /** From the stamp to the receipt, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Held requests that were answered. */
  readonly answers: number;
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

/** The client's name in the output. */
export function fleetClientName(): string {
  return "path" in nativeProgram("fleet") ? "fleet.c" : "fleet-node (no C compiler)";
}

/**
 * The text of a message of `length` bytes that was published now, as JSON. Without blanks: commands are split
 * at them.
 */
export function stampedMessage(length: number): string {
  const stamp = process.hrtime.bigint().toString().padStart(19, "0");
  return `"@${stamp}${"x".repeat(Math.max(0, length - stamp.length - 3))}"`;
}

export class Fleet {
  readonly #process: LineProcess;

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const { port, target, channels = 1, channelsPerConnection = 1, hello = "-" } = options;
    const { protocol = "websocket" } = options;
    const args = [port, target, channels, channelsPerConnection, hello].map(String);
    const native = nativeProgram("fleet");
    if (protocol !== "websocket") {
      if ("missing" in native) throw new Error(`comet needs the fleet in C: ${native.missing}`);
      args.push(protocol);
    }
    const { process: started } =
      "path" in native
        ? await LineProcess.start(native.path, args)
        : await LineProcess.start(process.execPath, [join(BENCH, "dist/load/fleet-node.js"), ...args]);
    return new Fleet(started);
  }

  get command(): string {
    return this.#process.command;
  }

  /** Opens connections up to `total`, and says how long that took, ms; throws unless all of them are open. */
  async connect(total: number, perSecond: number): Promise<number> {
    const { open, ms } = await this.#process.ask(`connect ${total} ${perSecond}`);
    if (open !== total) throw new Error(`only ${open} of ${total} connections opened`);
    return Number(ms);
  }

  async reset(): Promise<void> {
    await this.#process.ask("reset");
  }

  /** Stamped messages received since the reset; costs the fleet next to nothing. */
  async count(): Promise<number> {
    return Number((await this.#process.ask("count")).messages);
  }

  async report(): Promise<FleetReport> {
    return (await this.#process.ask("report")) as unknown as FleetReport;
  }

  /** Closes the oldest connections and opens new ones in their place, at this rate from now on. */
  async churn(perSecond: number): Promise<void> {
    await this.#process.ask(`churn ${perSecond}`);
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#process.tell("quit");
    return this.#process.stop();
  }
}
