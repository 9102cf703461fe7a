/**
 * The gateway beside the agent, by its admin port.
 *
 * Invariant: every question has an end; a gateway that is not there is an answer, not an error.
 */

/** How far the gateway's drain is. */
export type GatewayDrain =
  | { readonly name: "serving" }
  /** `deadline`: when no connection is left whatever happens, ms since 1970. */
  | { readonly name: "draining"; readonly left: number; readonly deadline: number | undefined }
  | { readonly name: "drained" }
  /** Nothing listens at the admin port. */
  | { readonly name: "absent" };

export interface LocalGateway {
  /** Asks for a drain, as often as one likes, and says how far it is. */
  drain(): Promise<GatewayDrain>;
  /** Says how far a drain is, and asks for none. */
  look(): Promise<GatewayDrain>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
}

export interface AdminPortOptions {
  /** Of the admin port: `http://host:port`. */
  readonly url: string;
  readonly adminKey?: string | undefined;
}

const TIMEOUT_MS = 10_000;
const METRICS_MOST_BYTES = 4 * 1024 * 1024;
const ANSWER_MOST_BYTES = 64 * 1024;
const MAX_SHOWN = 200;
const ABSENT = ["ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"];

export class AdminPort implements LocalGateway {
  readonly #options: AdminPortOptions;

  constructor(options: AdminPortOptions) {
    this.#options = options;
  }

  drain(): Promise<GatewayDrain> {
    return this.#drain("POST");
  }

  look(): Promise<GatewayDrain> {
    return this.#drain("GET");
  }

  async #drain(method: "GET" | "POST"): Promise<GatewayDrain> {
    let text: string;
    try {
      text = await this.#ask(method, "/api/drain", ANSWER_MOST_BYTES);
    } catch (error) {
      if (isAbsent(error)) return { name: "absent" };
      throw error;
    }
    const { state, left, deadline } = JSON.parse(text) as {
      readonly state?: unknown;
      readonly left?: unknown;
      readonly deadline?: unknown;
    };
    if (state === "drained") return { name: "drained" };
    if (state === "serving") return { name: "serving" };
    const at = typeof deadline === "string" ? Date.parse(deadline) : Number.NaN;
    return {
      name: "draining",
      left: typeof left === "number" ? left : 0,
      deadline: Number.isNaN(at) ? undefined : at,
    };
  }

  metrics(): Promise<string> {
    return this.#ask("GET", "/metrics", METRICS_MOST_BYTES);
  }

  async #ask(method: "GET" | "POST", path: string, mostBytes: number): Promise<string> {
    const { url, adminKey } = this.#options;
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(method === "POST" ? { "Content-Type": "application/json" } : {}),
        ...(adminKey === undefined ? {} : { Authorization: `Bearer ${adminKey}` }),
      },
      ...(method === "POST" ? { body: "{}" } : {}),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await readAtMost(response, mostBytes);
    if (!response.ok) {
      const why = response.status === 401 ? "; set HOLDFAST_ADMIN_KEY or --admin-key" : "";
      throw new Error(
        `the gateway at ${url} answered ${method} ${path} with ${response.status}${why}: ${text.slice(0, MAX_SHOWN)}`,
      );
    }
    return text;
  }
}

async function readAtMost(response: Response, mostBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`an answer of more than ${mostBytes} bytes from ${response.url}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isAbsent(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === "string" && ABSENT.includes(cause.code);
}
