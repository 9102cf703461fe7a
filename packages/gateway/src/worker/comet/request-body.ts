/**
 * The body of a request as text: whole, bounded, in time, and UTF-8.
 *
 * A body that was announced and does not come is waited for as long as a request head may take (`WaitingSockets`), and no longer.
 * Invariant: the request is given a body or an answer, unless its client is gone.
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { errors } from "@holdfast/protocol";
import { errorAnswer, type HttpAnswer, httpError } from "../http-answer.js";
import type { Waiting, WaitingSockets } from "../waiting-sockets.js";

export interface BodyLimits {
  /** Bytes. */
  readonly maxBytes: number;
  /** Requests whose body has not come. */
  readonly waiting: WaitingSockets<Waiting>;
  /** Headers of an answer that depend on the request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Calls `then` once, with the text or with what to answer instead; never when the request is gone. */
export function readBody(
  request: IncomingMessage,
  { maxBytes, waiting, headers }: BodyLimits,
  then: (body: string | HttpAnswer) => void,
): void {
  const ending = { ...headers, Connection: "close" };
  const tooBig = (): HttpAnswer =>
    errorAnswer(
      413,
      { ...errors.tooBig, message: `A request's body may have ${maxBytes} bytes here.` },
      ending,
    );
  const arriving: Waiting = {
    get destroyed() {
      return request.destroyed;
    },
    destroy() {
      finish(errorAnswer(408, httpError(408, "The request's body did not arrive in time."), ending));
    },
  };
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return then(tooBig());
  if (!waiting.add(arriving))
    return then(errorAnswer(503, errors.unavailable, { "Retry-After": "1", ...ending }));
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (body: string | HttpAnswer | undefined): void => {
    // A poll is held for long: nothing of how it was read may stay with it.
    request.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
    waiting.release(arriving);
    if (body !== undefined) then(body);
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > maxBytes) finish(tooBig());
  };
  const onEnd = (): void => {
    const [only] = chunks;
    const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    finish(
      isUtf8(body) ? body.toString() : errorAnswer(400, httpError(400, "The body is not UTF-8."), headers),
    );
  };
  const onGone = (): void => finish(undefined);
  request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
}
