/**
 * A request's body, read ahead of the part that answers: it is put back, so that it can be sent on and still
 * be read here.
 *
 * Invariant: whatever the outcome, the request is as if none of it had been read.
 */
import type { IncomingMessage } from "node:http";

/** `large`: longer than allowed, or it has no bytes to put back. `gone`: the client is. */
export type ReadAhead =
  | { readonly kind: "whole"; readonly body: Buffer }
  | { readonly kind: "large" }
  | { readonly kind: "gone" };

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Calls `done` once, in the turn that decides, and `held` with how many bytes have come before. Has no
 * deadline: see to it that the request ends.
 */
export function readAhead(
  request: IncomingMessage,
  maxBytes: number,
  done: (outcome: ReadAhead) => void,
  held: (bytes: number) => void = () => {},
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const finish = (outcome: ReadAhead): void => {
    request.off("readable", read).off("close", gone);
    done(outcome);
  };
  const gone = (): void => finish({ kind: "gone" });
  const read = (): void => {
    for (let chunk: Buffer | null = request.read(); chunk !== null; chunk = request.read()) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) break;
    }
    if (!request.complete && length <= maxBytes) return held(length);
    const body = Buffer.concat(chunks);
    // In the same turn: an end that was read to is announced in the next, unless there is something left.
    if (length > 0) request.unshift(body);
    finish(length > 0 && length <= maxBytes ? { kind: "whole", body } : { kind: "large" });
  };
  request.on("readable", read).on("close", gone);
}
