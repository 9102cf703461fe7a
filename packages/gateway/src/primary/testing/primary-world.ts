/**
 * A primary with real worker processes, which run `trivial-worker.mjs`, and what a test needs to see of it.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemoryBroker, MemoryBus, MemoryPresence, MemoryRevocations, systemClock } from "@holdfast/core";
import { RecordingLogger } from "@holdfast/core/testing";
import type { Addresses } from "../instance.js";
import type { PrimaryOptions, ReloadOptions } from "../options.js";
import { Primary } from "../primary.js";

export type Life = "ready" | "deaf" | "silent" | "exit" | "refuse" | "hang" | "clings";

export interface WorldOptions extends Partial<Omit<PrimaryOptions, "workerConfig">> {
  readonly lives?: readonly Life[];
  readonly only?: number;
}

export class PrimaryWorld {
  readonly logger = new RecordingLogger();
  readonly problems: string[] = [];
  readonly primary: Primary;
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-primary-"));
  #addresses: Addresses | undefined;

  readonly #options: PrimaryOptions;

  constructor({ lives = ["ready"], only, ...options }: WorldOptions = {}) {
    const bus = new MemoryBus();
    const revocations = new MemoryRevocations({ maxRevocations: 100, now: Date.now, tell: () => {} });
    const values: PrimaryOptions = {
      host: "127.0.0.1",
      ports: [0],
      admin: { host: "127.0.0.1", port: 0, key: undefined, maxConnections: 256 },
      accept: "primary",
      workers: 2,
      workerScript: fileURLToPath(new URL("./trivial-worker.mjs", import.meta.url)),
      workerExecArgv: [],
      workerConfig: { lives, only, diary: join(this.#folder, "diary") },
      broker: new MemoryBroker(bus),
      bus,
      revocations,
      presence: new MemoryPresence(bus),
      hasPresence: () => false,
      revocationTtlMs: 60_000,
      clockLeewayMs: 0,
      seams: {},
      maxConnections: 1_000,
      backlog: 128,
      headTimeoutMs: 5_000,
      maxHeadBytes: 16_384,
      writeTimeoutMs: 10_000,
      origins: undefined,
      settings: [],
      maxPending: 500,
      maxPendingBytes: 1_000_000,
      limits: { ratePerSecond: undefined, maxPerAddress: undefined, ratePerAddress: undefined },
      proxyProtocol: false,
      trustedProxies: [],
      drain: { delayMs: 0, windowMs: 100, ratePerSecond: undefined },
      name: "here",
      rebalance: { automatic: false, rate: 0.01, weight: 1, patienceMs: 30_000 },
      maxPublicationBytes: 1_000,
      retention: (channel) => (channel.startsWith("kept:") ? { size: 10, ttlMs: 60_000 } : undefined),
      logger: this.logger,
      auditLogger: this.logger,
      logLinesLost: () => 0,
      logLinesLimited: () => 0,
      warnings: { list: () => [] },
      clock: systemClock,
      ...options,
    };
    this.#options = values;
    this.primary = new Primary(values, (problem) => this.problems.push(problem));
  }

  async start(): Promise<Addresses> {
    this.#addresses = await this.primary.start();
    return this.#addresses;
  }

  /** Asks for a reload to workers that live like this; their lives are counted on. */
  reload(lives: readonly Life[], options: Partial<ReloadOptions> = {}): void {
    const { workerConfig, ...same } = this.#options;
    this.primary.reload({ ...same, workerConfig: { ...(workerConfig as object), lives }, ...options });
  }

  get port(): number {
    return this.#addresses?.ports[0] ?? 0;
  }

  /** Lives that each slot has begun. */
  lives(slot: number): number {
    return readFileSync(join(this.#folder, "diary"), "utf8")
      .split("\n")
      .filter((line) => line === `${slot}`).length;
  }

  /** One exchange on a connection of its own; the text of the answer, or the error's code. */
  ask(path = "/", pieces?: readonly string[]): Promise<string> {
    return exchange(this.port, pieces ?? [`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`]).answer;
  }

  async admin(path: string, method = "GET"): Promise<{ status: number; text: string }> {
    const port = this.#addresses?.adminPort;
    return new Promise((resolve, reject) => {
      const headers = { "Content-Type": "application/json" };
      const options = { host: "127.0.0.1", port, path, method, headers, agent: false };
      const sent = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on("error", reject).end(method === "POST" ? "{}" : "");
    });
  }

  async close(): Promise<void> {
    await this.primary.stop(0);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface Exchange {
  readonly socket: Socket;
  /** All that came until the end; "ECONNRESET" and the like when that was no orderly one. */
  readonly answer: Promise<string>;
}

/** Connects and sends each piece in a segment of its own. */
export function exchange(port: number, pieces: readonly string[]): Exchange {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  const answer = new Promise<string>((resolve) => {
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve(text));
  });
  socket.once("connect", async () => {
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  return { socket, answer };
}

/**
 * Asks again, every few ms, until the answer is true: for things that do not announce a change, such as a
 * process.
 */
export async function until(met: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 12_000;
  while (!(await met())) {
    if (performance.now() > deadline) throw new Error(`never: ${met}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
