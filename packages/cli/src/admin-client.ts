/**
 * The admin API of a running gateway, as the commands use it.
 *
 * Every failure is one line: what, where, what to do.
 */
import type { ConnectionFacts, ConnectionReport, Incident } from "@holdfast/core";
import type {
  DeliveryCheck,
  DrainProgress,
  InstanceSurvey,
  Overview,
  ProcessWarning,
  RebalanceReport,
} from "@holdfast/gateway";
import { elementTexts, memberText } from "@holdfast/protocol";
import { Failure, sentence, systemCode } from "./failure.js";
import { maskedUrl } from "./masked-url.js";

export const DEFAULT_ADMIN_URL = "http://127.0.0.1:9080";

const TIMEOUT_MS = 10_000;
/** What is said of an address where a gateway has been and is no more. */
const ABSENT = ["ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"];
const MAX_SHOWN = 200;

export interface AdminClientOptions {
  /** `http://host:port` of the admin port. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly key: string | undefined;
  /** Ends all requests. Default: each ends by itself. */
  readonly signal?: AbortSignal;
}

/** Names and values of a request's query. */
export type AdminQuery = Readonly<Record<string, string>>;

export interface ConnectionsPage {
  readonly connections: readonly ConnectionFacts[];
  /** Where the next page begins, if there is one. */
  readonly next?: string;
}

export interface ConnectionAnswer {
  readonly connections: readonly ConnectionReport[];
  readonly incidents: readonly Incident[];
}

export interface ChannelPage {
  readonly channels: readonly { readonly channel: string; readonly subscribers: number }[];
  /** Where the next page begins, if there is one. */
  readonly next?: string;
}

export interface PresenceAnswer {
  readonly members: readonly { readonly session: string; readonly user?: string }[];
  readonly users: number;
  readonly sessions: number;
  /** Where the next page begins, if there is one. */
  readonly next?: string;
}

/** A publication of a history; its data is JSON text, as it was published. */
export interface PastPublication {
  readonly offset: string;
  readonly data: string;
  /** Whether the data is the base64 of bytes. */
  readonly isBytes: boolean;
}

/** How far the last reload of an instance is. */
export interface ReloadAnswer {
  readonly state: "idle" | "rolling" | "done" | "failed" | "stopped";
  /** Workers that are yet to be replaced. */
  readonly left: number;
  readonly total: number;
  readonly problem: string | null;
}

/** Where the broker put a publication; empty where the channel keeps no history. */
export interface PublishedAnswer {
  readonly offset?: number;
  readonly epoch?: string;
}

export class AdminClient {
  readonly #url: URL;
  readonly #key: string | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor({ url, key, signal }: AdminClientOptions) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new Failure(
        `--url must be a URL of an admin port such as ${DEFAULT_ADMIN_URL}, not ${JSON.stringify(maskedUrl(url))}`,
        2,
      );
    }
    this.#url = new URL(url);
    if (this.#url.username + this.#url.password !== "")
      throw new Failure("--url must not hold a user name or password: say --admin-key <key>", 2);
    this.#key = key;
    this.#signal = signal;
  }

  /** `data` is JSON text. Resolves when the broker took it. */
  async publish(channel: string, data: string): Promise<PublishedAnswer> {
    const body = `{"channel":${JSON.stringify(channel)},"data":${data}}`;
    return JSON.parse(await this.#ask("POST", "/api/publish", body)) as PublishedAnswer;
  }

  /** `data` is JSON text. Resolves when the broker took it. */
  async broadcast(data: string): Promise<void> {
    await this.#ask("POST", "/api/broadcast", `{"data":${data}}`);
  }

  /** Ends connections. Resolves when the workers are told. */
  async disconnect(body: object): Promise<void> {
    await this.#ask("POST", "/api/disconnect", JSON.stringify(body));
  }

  /**
   * Resolves with until when it is refused, and from when on a user's new tokens are taken, ms since 1970.
   */
  async revoke(body: object): Promise<{ readonly until: number; readonly loginFrom?: number }> {
    const answer = await this.#ask("POST", "/api/revoke", JSON.stringify(body));
    return JSON.parse(answer) as { until: number; loginFrom?: number };
  }

  /** A page of the instance's channels. */
  channels(query: AdminQuery): Promise<ChannelPage> {
    return this.#get("/api/channels", query);
  }

  /** A page of who is in a channel. */
  presence(query: AdminQuery): Promise<PresenceAnswer> {
    return this.#get("/api/presence", query);
  }

  /** The instance and its workers, as they are now. */
  overview(): Promise<Overview> {
    return this.#get("/api/overview");
  }

  /** The slowest connections, the busiest channels, and what waits. */
  survey(): Promise<InstanceSurvey> {
    return this.#get("/api/survey");
  }

  /** A page of who is connected. */
  connections(query: AdminQuery): Promise<ConnectionsPage> {
    return this.#get("/api/connections", query);
  }

  /** The connections of one session or user. */
  connection(query: AdminQuery): Promise<ConnectionAnswer> {
    return this.#get("/api/connection", query);
  }

  /** Why a client does or does not get a channel's publications. */
  delivery(query: AdminQuery): Promise<DeliveryCheck> {
    return this.#get("/api/delivery", query);
  }

  /** What lately went wrong for clients, the newest first. */
  async incidents(query: AdminQuery): Promise<readonly Incident[]> {
    return (await this.#get<Pick<ConnectionAnswer, "incidents">>("/api/incidents", query)).incidents;
  }

  /** The last warnings of all processes, the newest first. */
  async warnings(limit: number): Promise<readonly ProcessWarning[]> {
    const answer = await this.#get<{ readonly warnings: readonly ProcessWarning[] }>("/api/warnings", {
      limit: String(limit),
    });
    return answer.warnings;
  }

  /** The publications of a page of a channel's past. */
  async history(query: AdminQuery): Promise<readonly PastPublication[]> {
    const page = await this.#ask("GET", `/api/history?${new URLSearchParams(query)}`);
    return elementTexts(memberText(page, "publications") ?? "[]").map((each) => ({
      offset: memberText(each, "offset") ?? "",
      data: memberText(each, "data") ?? "",
      isBytes: memberText(each, "bytes") === "true",
    }));
  }

  /** Asks the instance to drain, as often as one likes. Resolves with how far it is. */
  async drain(): Promise<DrainProgress> {
    return JSON.parse(await this.#ask("POST", "/api/drain", "{}")) as DrainProgress;
  }

  /** Asks the instance to read its settings again and replace its workers. */
  async reload(): Promise<ReloadAnswer> {
    return JSON.parse(await this.#ask("POST", "/api/reload", "{}")) as ReloadAnswer;
  }

  /** How far the last reload is. */
  reloadProgress(): Promise<ReloadAnswer> {
    return this.#get("/api/reload");
  }

  /** How far a drain is; undefined when nothing listens there any more. */
  async drainProgress(): Promise<DrainProgress | undefined> {
    try {
      return JSON.parse(await this.#ask("GET", "/api/drain")) as DrainProgress;
    } catch (error) {
      if (error instanceof Failure && ABSENT.includes(systemCode(error.cause) ?? "")) return undefined;
      throw error;
    }
  }

  /** What each instance of the cluster carries; `begin`: they are asked to even it out. */
  async rebalance(begin: boolean): Promise<RebalanceReport> {
    if (!begin) return this.#get("/api/rebalance");
    return JSON.parse(await this.#ask("POST", "/api/rebalance", "{}")) as RebalanceReport;
  }

  async #get<Answer>(path: string, query: AdminQuery = {}): Promise<Answer> {
    return JSON.parse(await this.#ask("GET", `${path}?${new URLSearchParams(query)}`)) as Answer;
  }

  /** The text of the answer. */
  async #ask(method: "GET" | "POST", path: string, body?: string): Promise<string> {
    const headers: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
    if (this.#key !== undefined) headers.Authorization = `Bearer ${this.#key}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, this.#url), {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
        signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(this.#signal ? [this.#signal] : [])]),
      });
      text = await response.text();
    } catch (error) {
      throw unreachable(this.#url.origin, error);
    }
    if (!response.ok) throw refusal(this.#url.origin, this.#key !== undefined, response.status, text);
    return text;
  }
}

/** The sentence of an error answer, or the beginning of whatever came instead. */
export function describeAnswer(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { name?: unknown; message?: unknown } };
    if (typeof error?.message === "string") return `${error.message} (${String(error.name)})`;
  } catch {
    // Not ours: shown below.
  }
  return text.trim() === "" ? "no reason given" : text.trim().slice(0, MAX_SHOWN);
}

function unreachable(where: string, error: unknown): Failure {
  const { name, cause = error } = error as { name?: unknown; cause?: unknown };
  if (name === "TimeoutError") {
    return new Failure(`the gateway at ${where} did not answer within ${TIMEOUT_MS / 1000} s`);
  }
  const why = systemCode(cause) === "ECONNREFUSED" ? "nothing listens there" : sentence(cause);
  return new Failure(
    `no gateway at ${where} (${why}): start one with \`holdfast start\`, or name its admin port with --url <url>`,
    1,
    { cause },
  );
}

function refusal(where: string, hasKey: boolean, status: number, text: string): Failure {
  const said = describeAnswer(text);
  if (status === 401 || status === 403) {
    const what = hasKey ? "does not accept this key" : "wants a key";
    return new Failure(`the gateway at ${where} ${what}: say --admin-key <key> or set HOLDFAST_ADMIN_KEY`);
  }
  if (status === 404 && !/\((no_history|no_presence)\)$/.test(said))
    return new Failure(
      `${where} is not a gateway's admin port, which is 9080 unless adminPort says otherwise: name it with --url <url>`,
    );
  return new Failure(`the gateway at ${where} refused with ${status}: ${said}`);
}
