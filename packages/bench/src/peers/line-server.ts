/**
 * A peer's server that is a program of this package: it is told what to publish with lines on stdin.
 *
 *     publish <times> <channel> <text>   each <channels> <text>   gc (Bun only)
 *
 * Each is answered with one line of JSON. Its first line says where it listens and which processes it has.
 */
import { LineProcess } from "../line-process.js";
import { Probe } from "../measure/probe.js";
import { allProcesses, type CometTargets, type PeerServer } from "./peer.js";

export interface LineServerOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly target: string;
  readonly hello?: string;
  readonly comet?: CometTargets;
  /** How it collects garbage: asked by the probe (default), by the line `gc`, or it has none. */
  readonly garbage?: "probe" | "line" | "none";
}

export class LineServer implements PeerServer {
  readonly #process: LineProcess;
  readonly #garbage: LineServerOptions["garbage"];
  readonly target: string;
  declare readonly hello?: string;
  declare readonly comet?: CometTargets;
  readonly port: number;
  readonly primary: number | undefined;
  readonly workers: readonly number[];
  readonly probe: Probe | undefined;

  private constructor(
    process: LineProcess,
    ready: Readonly<Record<string, unknown>>,
    options: LineServerOptions,
    probe: Probe | undefined,
  ) {
    this.#process = process;
    this.#garbage = options.garbage;
    this.target = options.target;
    if (options.hello !== undefined) this.hello = options.hello;
    if (options.comet !== undefined) this.comet = options.comet;
    this.probe = probe;
    this.port = Number(ready.port);
    this.primary = typeof ready.primary === "number" ? ready.primary : undefined;
    this.workers = ready.workers as number[];
  }

  static async start(options: LineServerOptions): Promise<LineServer> {
    const probe = (options.garbage ?? "probe") === "probe" ? new Probe() : undefined;
    const { process, ready } = await LineProcess.start(options.program, options.args, {
      env: probe?.environment ?? {},
    });
    return new LineServer(process, ready, options, probe);
  }

  get command(): string {
    return this.#process.command;
  }

  async publish(channel: string, text: string, times = 1): Promise<void> {
    await this.#process.ask(`publish ${times} ${channel} ${text}`);
  }

  async publishEach(channels: number, text: string): Promise<void> {
    await this.#process.ask(`each ${channels} ${text}`);
  }

  async collect(): Promise<readonly number[]> {
    if (this.#garbage === "line") await this.#process.ask("gc");
    return this.probe === undefined ? [] : this.probe.collect(allProcesses(this));
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.probe?.close();
  }
}
