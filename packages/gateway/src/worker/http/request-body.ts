/**
 * The body of a request as text: whole, bounded, in time, and UTF-8.
 *
 * A client that announces a body and does not send it is answered 408 when a message may take no longer, and
 * 503 when too much of such is held (`UnfinishedMessages`). Invariant: `then` is called once, unless the
 * request is gone.
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { errors } from "@holdfast/protocol";
import { errorAnswer, type HttpAnswer, httpError } from "../../http/http-answer.js";
import type { Unfinished, UnfinishedMessages } from "../sockets/unfinished-messages.js";

export interface BodyLimits {
  /** Bytes. */
  readonly maxBytes: number;
  /** What is held of bodies that have not come whole. */
  readonly unfinished: UnfinishedMessages;
  /** Headers of an answer that depend on the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Called when the body is about to be read: it is not refused by its length. */
  readonly invite?: () => void;
}

/** A piece of fewer bytes is work for its own sake: an honest client's segments are longer. */
const SMALL_PIECE_BYTES = 256;
const MAX_SMALL_PIECES = 1_024;

/** Calls `then` once, with the text or with what to answer instead; never when the request is gone. */
export function readBody(
  request: IncomingMessage,
  { maxBytes, unfinished, headers, invite }: BodyLimits,
  then: (body: string | HttpAnswer) => void,
): void {
  const ending = { ...CLOSE, ...headers };
  const tooBig = (): HttpAnswer =>
    errorAnswer(
      413,
      { ...errors.tooBig, message: `A request's body may have ${maxBytes} bytes here.` },
      ending,
    );
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return then(tooBig());
  invite?.();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let small = 0;
  const finish = (body: string | HttpAnswer | undefined): void => {
    // A poll is held for long: nothing of how it was read may stay with it.
    request.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
    unfinished.release(awaited);
    if (body !== undefined) then(body);
  };
  const awaited: Unfinished = { abandon: (why) => finish(abandonedBody(why, headers)) };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > maxBytes) return finish(tooBig());
    if (chunk.length < SMALL_PIECE_BYTES && ++small > MAX_SMALL_PIECES)
      return finish(errorAnswer(400, httpError(400, "The body comes in too many small pieces."), ending));
    unfinished.hold(awaited, OWN_BYTES + bytes, false);
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
  unfinished.hold(awaited, OWN_BYTES, true);
}

/** What to answer where the rest of a body is awaited no longer. */
export function abandonedBody(why: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return errorAnswer(408, httpError(408, why), { "Retry-After": "1", ...CLOSE, ...headers });
}

const CLOSE = Object.freeze({ Connection: "close" });

/** Bytes of what is kept of a request while its body comes, about. */
export const OWN_BYTES = 1_024;
