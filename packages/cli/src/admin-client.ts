/**
 * The admin API of a running gateway, as the commands use it.
 *
 * Every failure is one line: what, where, what to do.
 */
import type { DrainProgress } from "@holdfast/gateway";
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
}

export class AdminClient {
  readonly #url: URL;
  readonly #key: string | undefined;

  constructor({ url, key }: AdminClientOptions) {
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
  }

  /** `data` is JSON text. Resolves when the broker took it. */
  async publish(channel: string, data: string): Promise<void> {
    await this.#post("/api/publish", `{"channel":${JSON.stringify(channel)},"data":${data}}`);
  }

  /** `data` is JSON text. Resolves when the broker took it. */
  async broadcast(data: string): Promise<void> {
    await this.#post("/api/broadcast", `{"data":${data}}`);
  }

  /** Ends connections. Resolves when the workers are told. */
  async disconnect(body: object): Promise<void> {
    await this.#post("/api/disconnect", JSON.stringify(body));
  }

  /**
   * Resolves with until when it is refused, and from when on a user's new tokens are taken, ms since 1970.
   */
  async revoke(body: object): Promise<{ readonly until: number; readonly loginFrom?: number }> {
    const answer = await this.#post("/api/revoke", JSON.stringify(body));
    return JSON.parse(answer) as { until: number; loginFrom?: number };
  }

  /** A page of the instance's channels. */
  channels(query: Readonly<Record<string, string>>): Promise<ChannelPage> {
    return this.#get("/api/channels", query);
  }

  /** A page of who is in a channel. */
  presence(query: Readonly<Record<string, string>>): Promise<PresenceAnswer> {
    return this.#get("/api/presence", query);
  }

  /** The publications of a page of a channel's past. */
  async history(query: Readonly<Record<string, string>>): Promise<readonly PastPublication[]> {
    const page = await this.#ask("GET", `/api/history?${new URLSearchParams(query)}`);
    return elementTexts(memberText(page, "publications") ?? "[]").map((each) => ({
      offset: memberText(each, "offset") ?? "",
      data: memberText(each, "data") ?? "",
    }));
  }

  /** Asks the instance to drain, as often as one likes. Resolves with how far it is. */
  async drain(): Promise<DrainProgress> {
    return JSON.parse(await this.#post("/api/drain", "{}")) as DrainProgress;
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

  async #get<Answer>(path: string, query: Readonly<Record<string, string>>): Promise<Answer> {
    return JSON.parse(await this.#ask("GET", `${path}?${new URLSearchParams(query)}`)) as Answer;
  }

  #post(path: string, body: string): Promise<string> {
    return this.#ask("POST", path, body);
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
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (!response.ok) throw this.#refused(response.status, text);
    return text;
  }

  #unreachable(error: unknown): Failure {
    const where = this.#url.origin;
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

  #refused(status: number, text: string): Failure {
    const where = this.#url.origin;
    const said = describeAnswer(text);
    if (status === 401 || status === 403) {
      const what = this.#key === undefined ? "wants a key" : "does not accept this key";
      return new Failure(`the gateway at ${where} ${what}: say --admin-key <key> or set HOLDFAST_ADMIN_KEY`);
    }
    if (status === 404 && !/\((no_history|no_presence)\)$/.test(said))
      return new Failure(`${where} is not a gateway's admin port: name it with --url <url>`);
    return new Failure(`the gateway at ${where} refused with ${status}: ${said}`);
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
