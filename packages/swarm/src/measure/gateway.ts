/**
 * The gateway under load, seen from outside: its admin port, and its processes where they are on this
 * machine.
 *
 * Nothing here fails a run except a broadcast that was asked for: a reading that cannot be had is undefined.
 */
import { SwarmProblem } from "../problem.js";
import { type Stamp, stampedData } from "../stamp.js";
import type { Target } from "../target.js";
import { isLoopback } from "../target.js";
import { type GatewayNumbers, gatewayNumbers } from "./gateway-numbers.js";
import { listenerOf } from "./listener.js";
import { parseMetrics } from "./metrics-text.js";
import { children, pssBytes, totalCpuMicros } from "./processes.js";

export interface GatewayOptions {
  readonly target: Target;
  /** `http://host:port` of the admin port. */
  readonly admin: string;
  readonly adminKey: string | undefined;
  /** The gateway's primary, where it is not to be looked for. */
  readonly pid: number | undefined;
}

export interface GatewayReading {
  /** Undefined when its processes are not known. */
  readonly pssBytes: number | undefined;
  readonly cpuMicros: number | undefined;
  /** Undefined when the admin port does not answer. */
  readonly numbers: GatewayNumbers | undefined;
}

const TIMEOUT_MS = 10_000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #primary: number | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#primary = options.pid ?? findPrimary(options);
  }

  /** Primary and workers as they are now; empty when they are not known. */
  pids(): number[] {
    return this.#primary === undefined ? [] : [this.#primary, ...children(this.#primary)];
  }

  async read(): Promise<GatewayReading> {
    const pids = this.pids();
    const numbers = await this.#numbers();
    if (pids.length === 0) return { pssBytes: undefined, cpuMicros: undefined, numbers };
    return { pssBytes: pssBytes(pids), cpuMicros: totalCpuMicros(pids), numbers };
  }

  /** Why the admin port cannot be used, in a few words; undefined when it can. */
  async adminProblem(): Promise<string | undefined> {
    try {
      const response = await this.#ask("/metrics");
      await response.arrayBuffer();
      return response.ok ? undefined : `it answers with ${response.status}`;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Sends one broadcast through the admin API. Throws a `SwarmProblem` when it was not taken. */
  async broadcast(stamp: Stamp): Promise<void> {
    let answer: string;
    try {
      const response = await this.#ask("/api/broadcast", `{"data":${stampedData(stamp)}}`);
      answer = response.ok ? "" : `${response.status}: ${(await response.text()).slice(0, 200)}`;
    } catch (error) {
      answer = reasonOf(error);
    }
    if (answer === "") return;
    throw new SwarmProblem("failed", `the broadcast was not taken by ${this.#options.admin}: ${answer}`);
  }

  /** Begins a drain, of the instance with this admin port. Throws a `SwarmProblem` when it was not taken. */
  async drain(admin = this.#options.admin): Promise<void> {
    let why: string;
    try {
      const response = await this.#ask("/api/drain", "{}", admin);
      why = response.ok ? "" : `${response.status}: ${(await response.text()).slice(0, 200)}`;
    } catch (error) {
      why = reasonOf(error);
    }
    if (why !== "") throw new SwarmProblem("failed", `the drain was not taken by ${admin}: ${why}`);
  }

  async #numbers(): Promise<GatewayNumbers | undefined> {
    try {
      const response = await this.#ask("/metrics");
      const text = await response.text();
      return response.ok ? gatewayNumbers(parseMetrics(text)) : undefined;
    } catch {
      return undefined;
    }
  }

  #ask(path: string, body?: string, admin = this.#options.admin): Promise<Response> {
    const { adminKey } = this.#options;
    const headers: Record<string, string> = { Connection: "close" };
    if (adminKey !== undefined) headers.Authorization = `Bearer ${adminKey}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return fetch(new URL(path, admin), {
      method: body === undefined ? "GET" : "POST",
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  }
}

/**
 * The process that listens on the admin port is the primary; in the direct mode the public ports are the
 * workers'.
 */
function findPrimary({ admin, target }: GatewayOptions): number | undefined {
  const url = new URL(admin);
  const local = isLoopback(target) || target.host === "::1";
  return local ? listenerOf(Number(url.port || 80)) : undefined;
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { code?: string } };
  if (name === "TimeoutError") return `no answer in ${TIMEOUT_MS / 1000} s`;
  return cause?.code === "ECONNREFUSED" ? "nothing listens there" : (cause?.code ?? message ?? String(error));
}
