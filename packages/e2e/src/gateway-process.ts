/**
 * A gateway under test: `holdfast start` as a process, where it listens, its workers, its log.
 *
 * Ports are free ones that the gateway takes by itself, so no other process can be faster. Invariant: a
 * gateway that was closed has left no process behind, and `close()` fails the test if one had to be killed
 * that should have ended by itself.
 */
import { eventually, within } from "./deadline.js";
import { type Ending, Program, type ProgramOptions } from "./program.js";

export interface GatewayOptions extends Pick<ProgramOptions, "env" | "cwd"> {
  /** Flags; a repeated one beats the harness's own. */
  readonly args?: readonly string[];
  /** Default: the repository's `holdfast`. */
  readonly start?: (args: readonly string[], options: ProgramOptions) => Program;
  /** What to wait for. Default "ready": /readyz says 200. */
  readonly until?: "listening" | "ready";
  /** How long it may take to listen, ms: 30,000. */
  readonly startMs?: number;
}

export interface LogLine {
  readonly msg: string;
  readonly level: number;
  readonly pid: number;
  readonly [field: string]: unknown;
}

/** The fields of the line that ends a start. */
interface Banner {
  readonly urls: readonly string[];
  readonly admin: string;
  readonly try: readonly string[];
}

const OWN_ARGS = ["--log-format", "json", "--port", "0", "--admin-port", "0", "--workers", "2"];
/** Any test of gateways can be run on either engine. */
const ENGINE = process.env.HOLDFAST_TEST_ENGINE;
const ENGINE_ARGS = ENGINE === undefined ? [] : ["--engine", ENGINE];
/** And with subscriptions at Redis of each worker, or shared: the default decides by the workers. */
const SUBSCRIPTIONS = process.env.HOLDFAST_TEST_REDIS_SUBSCRIPTIONS;
const SUBSCRIPTIONS_ARGS = SUBSCRIPTIONS === undefined ? [] : ["--redis-subscriptions", SUBSCRIPTIONS];
const START_MS = 30_000;

export class GatewayProcess {
  readonly program: Program;
  readonly banner: LogLine & Banner;

  private constructor(program: Program, banner: LogLine & Banner) {
    this.program = program;
    this.banner = banner;
  }

  static async start(options: GatewayOptions = {}): Promise<GatewayProcess> {
    const { args = [], start = Program.holdfast, until = "ready", startMs = START_MS, ...rest } = options;
    const program = start(["start", ...OWN_ARGS, ...ENGINE_ARGS, ...SUBSCRIPTIONS_ARGS, ...args], rest);
    try {
      const line = await program.line(isBanner, startMs);
      const gateway = new GatewayProcess(program, parse(line) as LogLine & Banner);
      if (until === "ready") await gateway.ready();
      return gateway;
    } catch (error) {
      await program.close();
      throw error;
    }
  }

  /** http://host:port of each public port. */
  get urls(): readonly string[] {
    return this.banner.urls;
  }

  get http(): string {
    return this.urls[0] ?? "";
  }

  get port(): number {
    return Number(new URL(this.http).port);
  }

  /** ws://host:port/ws with a query, on one of the public ports. */
  ws(query = "", port = 0): string {
    const url = this.urls[port % this.urls.length] ?? "";
    return `${url.replace("http", "ws")}/ws${query === "" ? "" : `?${query}`}`;
  }

  get admin(): string {
    return this.banner.admin;
  }

  /** Lines of the log, without what is not JSON. */
  get log(): readonly LogLine[] {
    return this.program.lines.map(parse).filter((line) => line !== undefined);
  }

  /** The first line of the log that matches, past or future. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const line = await this.program.line((text) => {
      const parsed = parse(text);
      return parsed !== undefined && matches(parsed);
    });
    return parse(line) as LogLine;
  }

  async ready(ms?: number): Promise<void> {
    await eventually("/readyz says 200", async () => (await this.adminGet("/readyz")).status === 200, ms);
  }

  async notReady(): Promise<string> {
    return eventually("/readyz says 503", async () => {
      const { status, text } = await this.adminGet("/readyz");
      return status === 503 && text;
    });
  }

  get(path: string, init: RequestInit = {}): Promise<{ status: number; text: string; headers: Headers }> {
    return request(new URL(path, this.http), init);
  }

  adminGet(
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; text: string; headers: Headers }> {
    return request(new URL(path, this.admin), init);
  }

  /** POST of JSON to the admin API. */
  adminPost(path: string, body: unknown): Promise<{ status: number; text: string }> {
    return this.adminGet(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async publish(channel: string, data: unknown): Promise<void> {
    await this.#accepted("/api/publish", { channel, data });
  }

  async broadcast(data: unknown): Promise<void> {
    await this.#accepted("/api/broadcast", { data });
  }

  /** Everything but the primary. */
  workerPids(): readonly number[] {
    return this.program.processes().filter((pid) => pid !== this.banner.pid);
  }

  /** Stops it gracefully and makes sure that it left nothing behind. */
  async stop(signal: "SIGTERM" | "SIGINT" = "SIGTERM", ms?: number): Promise<Ending> {
    this.signal(signal);
    const ending = await this.program.exit(ms);
    await this.program.gone();
    return ending;
  }

  /** To the primary itself, also where npm or a shell started it. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.banner.pid, signal);
  }

  /** For `afterEach`: ends it at once if it runs, and complains if that did not end everything. */
  async close(): Promise<void> {
    try {
      if (this.program.ending === undefined) {
        // Two wishes, also after a `stop`: the same signal again within a second would be the same one.
        this.#signalIfAlive("SIGTERM");
        this.#signalIfAlive("SIGINT");
      }
      await this.program.gone();
    } finally {
      await this.program.close();
    }
  }

  #signalIfAlive(signal: NodeJS.Signals): void {
    try {
      this.signal(signal);
    } catch {
      // It ended meanwhile; the shell or npm around it is about to.
    }
  }

  async #accepted(path: string, body: unknown): Promise<void> {
    const { status, text } = await this.adminPost(path, body);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
  }
}

async function request(
  url: URL,
  init: RequestInit,
): Promise<{ status: number; text: string; headers: Headers }> {
  const headers = { Connection: "close", ...(init.headers as Record<string, string> | undefined) };
  const asked = async () => {
    const response = await fetch(url, { redirect: "manual", ...init, headers });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return within(asked(), `an answer from ${url}`);
}

function parse(text: string): LogLine | undefined {
  try {
    const value = JSON.parse(text) as LogLine;
    return typeof value?.msg === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function isBanner(text: string): boolean {
  const line = parse(text);
  return line !== undefined && Array.isArray(line.urls);
}
