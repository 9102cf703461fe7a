/**
 * A real redis-server of our own, on a free port, without persistence.
 */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { LineProcess } from "../line-process.js";
import { freePort } from "./free-port.js";

const START_MS = 5_000;

/** Why there is none, or undefined. */
export function redisMissing(): string | undefined {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "redis-server is not installed";
  }
}

export class RedisServer {
  readonly #process: LineProcess;
  readonly port: number;

  private constructor(process: LineProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(): Promise<RedisServer> {
    const port = await freePort();
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    // Redis writes a log, not lines of JSON; the shell says that it runs, and becomes it.
    const script = `echo '{"ready":true}'; exec redis-server "$@"`;
    const { process } = await LineProcess.start("/bin/sh", ["-c", script, "redis", ...args]);
    const server = new RedisServer(process, port);
    await server.#untilReady();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  client(): Redis {
    return new Redis(this.port, "127.0.0.1");
  }

  stop(): Promise<void> {
    this.#process.signal("SIGTERM");
    return this.#process.stop();
  }

  async #untilReady(): Promise<void> {
    const probe = new Redis(this.port, "127.0.0.1", { retryStrategy: () => 50 });
    probe.on("error", () => {});
    const late = sleep(START_MS).then(() => Promise.reject(new Error("redis-server did not start")));
    try {
      await Promise.race([probe.ping(), late]);
    } finally {
      probe.disconnect();
    }
  }
}
