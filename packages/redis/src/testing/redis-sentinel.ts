/**
 * A real Sentinel for tests, watching one master and deciding alone.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisServer } from "./redis-server.js";

/** Silence after which the master counts as down, ms: the Sentinel's own resolution is not much finer. */
const DOWN_AFTER_MS = 500;

export class RedisSentinel {
  readonly #server: RedisServer;
  readonly #configuration: string;
  readonly #master: string;

  private constructor(server: RedisServer, configuration: string, master: string) {
    this.#server = server;
    this.#configuration = configuration;
    this.#master = master;
  }

  /** Watches the server on `port` under the name `master`. Its replicas it finds by itself. */
  static async start(port: number, master = "mymaster"): Promise<RedisSentinel> {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-sentinel-"));
    const file = join(directory, "sentinel.conf");
    const settings = [
      `sentinel monitor ${master} 127.0.0.1 ${port} 1`,
      `sentinel down-after-milliseconds ${master} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${master} 3000`,
    ];
    writeFileSync(file, `${settings.join("\n")}\n`);
    const server = await RedisServer.start({ args: [file, "--sentinel"] });
    return new RedisSentinel(server, directory, master);
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return `redis+sentinel://127.0.0.1:${this.port}/${this.#master}`;
  }

  async close(): Promise<void> {
    await this.#server.close();
    rmSync(this.#configuration, { recursive: true, force: true });
  }
}
