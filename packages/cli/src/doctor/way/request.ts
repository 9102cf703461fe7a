/**
 * One HTTP request on the way from outside, on a connection of its own: its answer, or what came of it.
 *
 * Owns deadlines and the limit of bytes. Certificates are not checked here: that is a check of its own, and a
 * wrong one should not hide all others. Invariant: the socket is gone when it settles.
 */
import { type ClientRequest, type IncomingHttpHeaders, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";

export interface WayRequest {
  readonly url: URL;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether an answer without an end is read until `enough` says so. */
  readonly enough?: (text: string) => boolean;
}

export interface WayAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** From the head to the first bytes of the body, ms; undefined where none came. */
  readonly firstBytesMs: number | undefined;
  /** Our own end of the connection. */
  readonly from: { readonly address: string; readonly port: number } | undefined;
}

/** The deadline passed without a head. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";

  constructor() {
    super(`no answer within ${TIMEOUT_MS / 1000} s`);
  }
}

export const TIMEOUT_MS = 10_000;
const MAX_CHARS = 64 * 1024;

/** Rejects where no head came in time. A body that does not come is an answer without text. */
export function requestOf(asked: WayRequest, bodyMs = TIMEOUT_MS): Promise<WayAnswer> {
  const { url, method = "GET", headers = {}, body, enough } = asked;
  const send = url.protocol === "https:" ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers,
      agent: false,
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => request.destroy(new NoAnswer()), TIMEOUT_MS);
    const settle = (answer: WayAnswer): void => {
      clearTimeout(timer);
      resolve(answer);
      request.destroy();
    };
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on("upgrade", ({ statusCode = 0, headers: answered }) =>
      settle({
        status: statusCode,
        headers: answered,
        text: "",
        firstBytesMs: undefined,
        from: fromOf(request),
      }),
    );
    request.on("response", (response) => {
      clearTimeout(timer);
      const from = fromOf(request);
      const begun = performance.now();
      let text = "";
      let firstBytesMs: number | undefined;
      const end = (): void => {
        clearTimeout(bodyTimer);
        settle({ status: response.statusCode ?? 0, headers: response.headers, text, firstBytesMs, from });
      };
      const bodyTimer = setTimeout(end, bodyMs);
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        firstBytesMs ??= performance.now() - begun;
        text += chunk;
        if (text.length > MAX_CHARS || enough?.(text) === true) end();
      });
      response.on("end", end);
      response.on("error", end);
    });
    request.end(body);
  });
}

/** Undefined where the connection has gone. */
function fromOf({ socket }: ClientRequest): WayAnswer["from"] {
  const { localAddress: address, localPort: port } = socket ?? {};
  return address === undefined || port === undefined ? undefined : { address, port };
}
