/**
 * A real nginx in front of two gateways, by the configuration of deploy/proxy/nginx.conf.
 *
 * Invariant: no process and no file outlives `close()`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { Program } from "./program.js";
import { proxyConfig } from "./proxy-config.js";
import { testTool } from "./test-tool.js";

const ATTEMPTS = 5;

export class Nginx {
  readonly port: number;
  readonly #program: Program;
  readonly #directory: string;

  private constructor(port: number, program: Program, directory: string) {
    this.port = port;
    this.#program = program;
    this.#directory = directory;
  }

  static async start(gatewayPorts: readonly [number, number]): Promise<Nginx> {
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), "holdfast-nginx-"));
      const port = await freePorts(1);
      writeFileSync(join(directory, "nginx.conf"), configuration(port, gatewayPorts));
      const args = [
        "-p",
        directory,
        "-c",
        "nginx.conf",
        "-e",
        "stderr",
        "-g",
        "daemon off; master_process off; pid nginx.pid;",
      ];
      const nginx = new Nginx(port, Program.start(testTool("nginx"), args), directory);
      try {
        await nginx.#listening();
        return nginx;
      } catch (error) {
        await nginx.close();
        // A free port may be taken again by the time nginx asks for it.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  async close(): Promise<void> {
    // It overwrites its environment, by which `Program` would find it; there is one process of it.
    this.#program.signal("SIGTERM");
    await this.#program.ended;
    await this.#program.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    await eventually("nginx listens", () => {
      if (this.#program.ending !== undefined) return true;
      return new Promise<boolean>((resolve) => {
        const socket = connect(this.port, "127.0.0.1");
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      });
    });
    if (this.#program.ending !== undefined) throw new Error(`nginx ended: ${this.#program.output}`);
  }
}

function configuration(port: number, [first, second]: readonly [number, number]): string {
  // Where it may write without being root.
  const own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${name};`,
  );
  return proxyConfig("nginx.conf", {
    "http {\n": `http {\n  ${own.join("\n  ")}\n`,
    "listen 80;": `listen 127.0.0.1:${port};`,
    "10.0.0.11:8080": `127.0.0.1:${first}`,
    "10.0.0.12:8080": `127.0.0.1:${second}`,
    "worker_rlimit_nofile 65536;": "worker_rlimit_nofile 4096;",
    "worker_connections 32768;": "worker_connections 2048;",
  });
}
