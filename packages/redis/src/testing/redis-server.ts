/**
 * A real Redis for tests: starts on a free port with a directory of its own, and can be stopped, killed,
 * paused and restarted on the same port.
 *
 * Invariant: no process and no file outlives `close()`, nor the process that started it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface RedisServerOptions {
  /** More of redis-server's command line, such as ["--requirepass", "secret"]. */
  readonly args?: readonly string[];
  /** A free one by default. */
  readonly port?: number;
  /** Where it listens beside 127.0.0.1: an address of this machine, such as that of a bridge. */
  readonly host?: string;
}

/**
 * The shell finds the executable: the named one, Redis, or Valkey. `exec` keeps the process id for the
 * signals.
 */
const EXEC =
  'exec "$(command -v "$HOLDFAST_TEST_REDIS_SERVER" || command -v redis-server || command -v valkey-server)" "$@"';
const READY = /Ready to accept connections|Sentinel ID is/;
const START_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_LINES = 200;
const ATTEMPTS = 5;

export class RedisServer {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #bind: readonly string[];
  readonly #directory = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  readonly #output: string[] = [];
  #process: ChildProcess | undefined;

  private constructor(port: number, { args = [], host }: RedisServerOptions) {
    this.port = port;
    this.#args = args;
    const others = host === undefined ? [] : [host, "--protected-mode", "no"];
    this.#bind = ["--bind", "127.0.0.1", ...others];
  }

  /** Resolves when it accepts connections. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(options.port ?? (await freePort()), options);
      try {
        await server.restart();
        return server;
      } catch (error) {
        await server.close();
        // A free port may be taken again by the time Redis asks for it.
        if (options.port !== undefined || attempt === ATTEMPTS) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The last lines that it wrote, for the message of a failed test. */
  get output(): string {
    return this.#output.join("\n");
  }

  /** Where its files are; removed by `close()`. */
  get directory(): string {
    return this.#directory;
  }

  /** Starts it on its port, again after `stop` or `kill`. */
  async restart(): Promise<void> {
    await this.stop();
    const own = ["--port", String(this.port), ...this.#bind, "--dir", this.#directory, "--save", ""];
    const child = spawn("/bin/sh", ["-c", EXEC, "redis-server", ...this.#args, ...own], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    process.once("exit", this.#killNow);
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`redis-server ${why}:\n${this.output}`));
      const timer = setTimeout(fail, START_TIMEOUT_MS, "did not get ready in time");
      const read = (line: string): void => {
        this.#output.push(line);
        if (this.#output.length > MAX_OUTPUT_LINES) this.#output.shift();
        if (READY.test(line)) resolve();
      };
      createInterface(child.stdout).on("line", read);
      createInterface(child.stderr).on("line", read);
      child.once("error", (error) => fail(`could not be run (${error.message})`));
      child.once("close", () => fail("ended while starting"));
      child.once("close", () => clearTimeout(timer));
    });
  }

  /** Asks it to end (SIGTERM) and waits until it has. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Ends it at once (SIGKILL), paused or not. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Stops it from doing anything while its connections stay open (SIGSTOP): what a cut cable looks like. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Kills it and removes its files. Idempotent. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    process.removeListener("exit", this.#killNow);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill(signal);
    await ended;
  }

  readonly #killNow = (): void => {
    this.#process?.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  };
}

/**
 * A port on which no process listens now, nor on the one 10,000 above: a cluster member takes that as well.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await listenBriefly(0);
    if (port === undefined || port > 55_000) continue;
    if ((await listenBriefly(port + 10_000)) !== undefined) return port;
  }
}

async function listenBriefly(port: number): Promise<number | undefined> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : undefined;
}
