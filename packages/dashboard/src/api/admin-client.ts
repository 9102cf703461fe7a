/**
 * The admin API as the dashboard asks it: same origin, by the session's cookie. Its errors are sentences for
 * the operator.
 */

/** A request that was answered with a refusal, or not at all. */
export class AdminFailure extends Error {
  override readonly name = "AdminFailure";
  /** 0: there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How long an answer may take, ms. */
const TIMEOUT_MS = 15_000;

export class AdminClient {
  readonly #fetch: typeof fetch;

  constructor(ask: typeof fetch) {
    this.#fetch = ask;
  }

  /** Rejects with `AdminFailure`. */
  get<Answer>(path: string): Promise<Answer> {
    return this.#ask(path, {});
  }

  /** `json`: the body as text, so that what an operator wrote is sent as it is. */
  post<Answer>(path: string, json: string): Promise<Answer> {
    return this.#ask(path, { method: "POST", body: json });
  }

  async #ask<Answer>(
    path: string,
    init: { readonly method?: string; readonly body?: string },
  ): Promise<Answer> {
    // Pages of other origins cannot set it: the gateway takes no cookie without.
    const headers = { "X-Holdfast": "dashboard", ...(init.body && { "Content-Type": "application/json" }) };
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(path, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      text = await response.text();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new AdminFailure(0, `The gateway does not answer (${why}).`);
    }
    if (!response.ok) throw new AdminFailure(response.status, messageOf(text, response.status));
    return JSON.parse(text) as Answer;
  }
}

function messageOf(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: string } };
    return error?.message ?? `The gateway answered ${status}.`;
  } catch {
    return `The gateway answered ${status}.`;
  }
}
