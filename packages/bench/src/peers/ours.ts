/**
 * Ours: the real `holdfast start` with flags. Publishes as a client does, over a connection that may publish.
 */
import { once } from "node:events";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { children, clusterWorkers } from "@holdfast/swarm/measure";
import { WebSocket } from "ws";
import { LineProcess } from "../line-process.js";
import { Probe } from "../measure/probe.js";
import { HOLDFAST } from "../packages.js";
import type { CometTargets, Peer, PeerOptions, PeerServer } from "./peer.js";

/** Commands that one WebSocket message may carry. */
export const COMMANDS_PER_MESSAGE = 64;
const READY_MS = 30_000;

export const ours: Peer = {
  name: "ours",
  label: "Holdfast",
  missing: () => undefined,
  start: (options) => HoldfastServer.start(options),
};

/** What the last line of a start says, with --log-format json. */
interface Banner {
  readonly urls: readonly string[];
  readonly admin: string;
}

/** Ours with WebSocket, where comet is measured beside it. */
export const oursWebSocket: Peer = {
  name: "ours-websocket",
  label: "Holdfast, WebSocket",
  missing: () => undefined,
  start: (options) => HoldfastServer.start(options),
};

/** Ours on its other WebSocket engine. */
export const oursOnLibrary: Peer = {
  name: "ours-ws-engine",
  label: "Holdfast, engine ws",
  missing: () => undefined,
  start: (options) => started(options, ["--engine", "ws"]),
};

/** Ours with compression, once for each batch, on either engine. */
export const oursCompressed: Peer = {
  name: "ours-compressed",
  label: "Holdfast, compression",
  missing: () => undefined,
  start: (options) => started(options, ["--compression", "shared"]),
};

export const oursOnLibraryCompressed: Peer = {
  name: "ours-ws-engine-compressed",
  label: "Holdfast, engine ws, compression",
  missing: () => undefined,
  start: (options) => started(options, ["--engine", "ws", "--compression", "shared"]),
};

function started(options: PeerOptions, flags: readonly string[]): Promise<HoldfastServer> {
  return HoldfastServer.start({ ...options, flags: [...(options.flags ?? []), ...flags] });
}

export class HoldfastServer implements PeerServer {
  readonly target = "/ws?format=raw&channels=";
  readonly comet: CometTargets = { sse: "/sse?format=raw&channels=", poll: "/poll", pollProtocol: "poll" };
  readonly port: number;
  readonly primary: number;
  readonly workers: readonly number[];
  readonly helpers: readonly number[];
  readonly probe: Probe;
  readonly admin: string;
  readonly #process: LineProcess;
  #publisher: WebSocket | undefined;
  #commands = 0;

  private constructor(process: LineProcess, banner: Banner, probe: Probe) {
    this.#process = process;
    this.probe = probe;
    this.admin = banner.admin;
    this.port = Number(new URL(banner.urls[0] ?? "").port);
    this.primary = process.pid;
    this.workers = clusterWorkers(process.pid);
    this.helpers = children(process.pid).filter((pid) => !this.workers.includes(pid));
  }

  static async start({
    workers,
    redis,
    flags = [],
    env = {},
    node = process.execPath,
  }: PeerOptions): Promise<HoldfastServer> {
    const args = [HOLDFAST, "start", "--port", "0", "--admin-port", "0", "--workers", String(workers)];
    args.push("--log-format", "json", "--command-rate", "100000", "--drain-window", "0ms");
    args.push("--namespaces", '{"":{"clientPublish":true}}', ...flags);
    if (redis !== undefined) args.push("--redis", redis);
    const probe = new Probe();
    const { process: started, ready } = await LineProcess.start(node, args, {
      // Where there is no holdfast.json.
      cwd: tmpdir(),
      env: { ...probe.environment, ...env },
      isReady: (line) => Array.isArray(line.urls),
    });
    const banner = ready as unknown as Banner;
    await untilReady(banner.admin);
    return new HoldfastServer(started, banner, probe);
  }

  get command(): string {
    return this.#process.command;
  }

  async publish(channel: string, text: string, times = 1): Promise<void> {
    await this.#send(Array.from({ length: times }, () => this.#command(channel, text)));
  }

  async publishEach(channels: number, text: string): Promise<void> {
    await this.#send(Array.from({ length: channels }, (_, i) => this.#command(`c${i}`, text)));
  }

  collect(): Promise<readonly number[]> {
    return this.probe.collect([this.primary, ...this.workers]);
  }

  /**
   * Publishes through the admin API, which no worker's end can interrupt. Resolves when the broker has it.
   */
  async post(channel: string, data: unknown): Promise<void> {
    const response = await fetch(`${this.admin}/api/publish`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ channel, data }),
    });
    if (!response.ok) throw new Error(`the admin API answered ${response.status}: ${await response.text()}`);
  }

  /** Replaces every worker, one after the other. */
  async reload(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    const old = clusterWorkers(this.primary);
    this.#process.signal("SIGHUP");
    while (clusterWorkers(this.primary).some((pid) => old.includes(pid))) {
      if (performance.now() > deadline) throw new Error(`the reload took more than ${ms} ms`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    this.#publisher?.terminate();
    this.#process.signal("SIGTERM");
    // The second one ends it at once.
    this.#process.signal("SIGTERM");
    await this.#process.stop();
    this.probe.close();
  }

  #command(channel: string, text: string): string {
    return `{"id":${++this.#commands},"publish":{"channel":"${channel}","data":${text}}}`;
  }

  async #send(commands: readonly string[]): Promise<void> {
    this.#publisher ??= await openPublisher(this.port);
    for (let at = 0; at < commands.length; at += COMMANDS_PER_MESSAGE) {
      this.#publisher.send(commands.slice(at, at + COMMANDS_PER_MESSAGE).join("\n"));
    }
  }
}

/** All workers are there. */
async function untilReady(admin: string): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!(await fetch(`${admin}/readyz`)).ok) {
    if (performance.now() > deadline) throw new Error(`${admin} did not become ready`);
    await sleep(50);
  }
}

/** A connection that has connected and listens to nothing. */
async function openPublisher(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?channels=`, { perMessageDeflate: false });
  await once(socket, "message");
  return socket;
}
