/**
 * A request's head, as far as the front door has to understand it: where it ends and which session it names.
 *
 * Pure, on latin1 text: one character is one byte. It reads the request line only: a `sid=` in a cookie, a Referer or a
 * longer parameter's name is not a session. The worker parses the head in full and answers what is wrong with it.
 */

const END = "\r\n\r\n";

/**
 * Where the head ends: the index after its empty line, or -1. `from` is how many bytes were looked at before, so that
 * a head in many segments is searched once.
 */
export function headEnd(text: string, from = 0): number {
  const index = text.indexOf(END, Math.max(0, from - END.length + 1));
  return index === -1 ? -1 : index + END.length;
}

/** True when the first bytes could begin an HTTP request: what is certainly none is refused before its deadline. */
export function mayBeHttp(text: string): boolean {
  return text === "" || /^[A-Z]/.test(text);
}

/** The path and query of the request line, or undefined when there is no request line. */
export function requestTarget(head: string): string | undefined {
  return /^[A-Z]+ (\S+) HTTP\/1\.[01]\r\n/.exec(head)?.[1];
}

/** Whether it asks for `/healthz`. */
export function isHealthCheck(target: string): boolean {
  return /^\/healthz(?:\?|$)/.test(target);
}

/** Whether it is a health check and nothing else: a plain `GET /healthz`, with nothing behind its head. */
export function isProbe(head: string): boolean {
  return /^GET \/healthz HTTP\/1\.[01]\r\n/.test(head) && head.endsWith(END) && headEnd(head) === head.length;
}

/** The `sid` parameter of a target's query, as it came. Of several the last, as in the worker. */
export function sessionIdOf(target: string): string | undefined {
  return target.includes("sid=") ? /^[^?#]*\?(?:[^#]*&)?sid=([^&#]*)/.exec(target)?.[1] : undefined;
}
