/**
 * A real HAProxy: in front of one gateway, with a pool of connections that all clients share (`http-reuse
 * always`), or in front of several, to each whose health check passes.
 *
 * One thread, since each thread has a pool of its own; enough idle connections are kept for a pool to show.
 * HAProxy asks again by itself when a connection breaks before its answer, as one would set it up for
 * requests that may be repeated. Invariant: no process and no file outlives `close()`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { Program } from "./program.js";
import { proxyConfig } from "./proxy-config.js";
import { testTool } from "./test-tool.js";

/** Which connections requests for a WebSocket go by: each by one of its own, or by whichever the pool has. */
export type Upgrades = "fresh" | "pooled";

/** What HAProxy says of its pool. */
export interface BackendCounts {
  /** TCP connections that it opened to the gateway. */
  readonly connections: number;
  /** Requests that went over one which had been used before. */
  readonly reuses: number;
}

const POOL = 16;
const ATTEMPTS = 5;

export class HaProxy {
  readonly port: number;
  readonly #program: Program;
  readonly #directory: string;

  private constructor(port: number, program: Program, directory: string) {
    this.port = port;
    this.#program = program;
    this.#directory = directory;
  }

  /** Resolves when it accepts connections for the gateway at `gatewayPort`. */
  static start(gatewayPort: number, upgrades: Upgrades = "fresh"): Promise<HaProxy> {
    return HaProxy.#start((port) => pooling(port, gatewayPort, upgrades));
  }

  /**
   * In front of these gateways, in turn or by their connections. It repeats nothing: what a gateway refuses,
   * the client sees.
   */
  static balancing(
    gatewayPorts: readonly number[],
    by: "roundrobin" | "leastconn" = "roundrobin",
  ): Promise<HaProxy> {
    return HaProxy.#start((port) => balancing(port, gatewayPorts, by));
  }

  /**
   * In front of two gateways, by the configuration of deploy/proxy/haproxy.cfg, with its cookie or without.
   */
  static deployed(gatewayPorts: readonly [number, number], cookie: "cookie" | "no cookie"): Promise<HaProxy> {
    return HaProxy.#start((port) => deployed(port, gatewayPorts, cookie === "cookie"));
  }

  /** By a configuration that is given the first of so many neighbouring free ports. */
  static configured(configuration: (port: number) => string, ports: number): Promise<HaProxy> {
    return HaProxy.#start(configuration, ports);
  }

  static async #start(configuration: (port: number) => string, ports = 1): Promise<HaProxy> {
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), "holdfast-haproxy-"));
      const port = await freePorts(ports);
      const stats = `  stats socket unix@${join(directory, "stats")} mode 600 level admin\n  nbthread 1\n`;
      writeFileSync(
        join(directory, "haproxy.cfg"),
        configuration(port).replace("global\n", `global\n${stats}`),
      );
      const args = ["-db", "-f", "haproxy.cfg"];
      const proxy = new HaProxy(
        port,
        Program.start(testTool("haproxy"), args, { cwd: directory }),
        directory,
      );
      try {
        await proxy.#listening();
        return proxy;
      } catch (error) {
        await proxy.close();
        // A free port may be taken again by the time HAProxy asks for it.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  ws(query = ""): string {
    return `ws://127.0.0.1:${this.port}/ws${query === "" ? "" : `?${query}`}`;
  }

  /** What it said so far. */
  get output(): string {
    return this.#program.output;
  }

  async counts(): Promise<BackendCounts> {
    const { connect = "", reuse = "" } =
      (await this.servers()).find(({ svname }) => svname === "pooled") ?? {};
    return { connections: Number(connect), reuses: Number(reuse) };
  }

  /** What it says of each server, by the names of its statistics. */
  async servers(): Promise<readonly Readonly<Record<string, string>>[]> {
    const [names = "", ...rows] = (await this.order("show stat")).split("\n");
    const columns = names.replace(/^# /, "").split(",");
    return rows.map((line) => {
      const values = line.split(",");
      return Object.fromEntries(columns.map((name, n) => [name, values[n] ?? ""]));
    });
  }

  async close(): Promise<void> {
    await this.#program.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    await eventually("HAProxy answers", async () => {
      if (this.#program.ending !== undefined) return true;
      return (await this.order("show info")).includes("Name: HAProxy");
    });
    if (this.#program.ending !== undefined) throw new Error(`HAProxy ended: ${this.#program.output}`);
  }

  /** One command of its runtime API, and its answer. */
  order(command: string): Promise<string> {
    const socket = connect(join(this.#directory, "stats"));
    const answered = new Promise<string>((resolve, reject) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += String(chunk);
      });
      socket.on("error", reject);
      socket.on("end", () => resolve(text));
    });
    socket.write(`${command}\n`);
    return within(answered, `HAProxy's answer to ${command}`);
  }
}

const FRAME = `global
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
`;

/** Checks as often as a test can wait for; a load balancer that is rented does so every 10 to 30 s. */
function balancing(port: number, gatewayPorts: readonly number[], by: string): string {
  const servers = gatewayPorts.map((each) => `  server gateway-${each} 127.0.0.1:${each}\n`);
  return `${FRAME}  retries 0
frontend public
  bind 127.0.0.1:${port}
  default_backend gateways
backend gateways
  balance ${by}
  http-reuse never
  option httpchk GET /healthz
  timeout check 5s
  default-server check inter 200ms fall 2 rise 1
${servers.join("")}`;
}

function pooling(port: number, gatewayPort: number, upgrades: Upgrades): string {
  return `${FRAME}  retries 3
  retry-on all-retryable-errors
frontend public
  bind 127.0.0.1:${port}
  use_backend ${upgrades === "fresh" ? "upgrades" : "pool"} if { hdr(Upgrade) -i websocket }
  default_backend pool
backend pool
  http-reuse always
  server pooled 127.0.0.1:${gatewayPort} pool-low-conn ${POOL}
backend upgrades
  http-reuse never
  server fresh 127.0.0.1:${gatewayPort}
`;
}

function deployed(port: number, [first, second]: readonly [number, number], cookie: boolean): string {
  return proxyConfig("haproxy.cfg", {
    "bind :80": `bind 127.0.0.1:${port}`,
    "10.0.0.11:8080 cookie 1": `127.0.0.1:${first}${cookie ? " cookie 1" : ""}`,
    "10.0.0.12:8080 cookie 2": `127.0.0.1:${second}${cookie ? " cookie 2" : ""}`,
    "  maxconn 100000": "  maxconn 2000",
    // As often as a test can wait for.
    "inter 2s": "inter 200ms",
    ...(cookie ? {} : { "  cookie holdfast insert indirect nocache httponly\n": "" }),
  });
}
