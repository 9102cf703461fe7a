/**
 * An event stream (`GET /sse?channels=`), as an EventSource reads it: the first event says that the session
 * stands.
 *
 * The sizes of chunks are lines that mean nothing here: the gateway writes whole events, so none is in two
 * chunks.
 */
import { authorizationLine } from "../tokens.js";
import { ASKING, JOINING, OPEN } from "./connection-table.js";
import { readHttpHead } from "./http-answer.js";
import { authorityOf, latin1, type Request, type Wire, type WireOwner } from "./wire.js";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const COLON = 58;
const DATA = "data: ";
const CONNECT_PUSH = '{"connect":';

export function streamRequest(request: Request): string {
  return `GET ${request.path}?channels=${request.channels} HTTP/1.1\r\nHost: ${authorityOf(request)}\r\nAccept: text/event-stream\r\n${authorizationLine(request.token)}\r\n`;
}

export class StreamWire implements Wire {
  readonly #owner: WireOwner;

  constructor(owner: WireOwner) {
    this.#owner = owner;
  }

  read(seat: number, bytes: Uint8Array): number | string {
    let at = 0;
    if (this.#owner.stateOf(seat) === ASKING) {
      const head = readHttpHead(latin1(bytes, 0, bytes.length));
      if (head.is === "unfinished") return 0;
      if (head.is === "malformed") return head.why;
      if (head.status !== 200) return `HTTP ${head.status}`;
      this.#owner.accepted(seat);
      at = head.end;
    }
    for (let end = bytes.indexOf(NEWLINE, at); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
      this.#line(seat, bytes, at, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
      at = end + 1;
    }
    return at;
  }

  #line(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (bytes[start] === COLON) {
      // Before the first event a comment is padding.
      if (this.#owner.stateOf(seat) === OPEN) this.#owner.pinged(seat);
      return;
    }
    const data = start + DATA.length;
    if (end <= data || latin1(bytes, start, data) !== DATA) return;
    if (this.#owner.stateOf(seat) !== JOINING) this.#owner.message(seat, bytes, data, end);
    else if (latin1(bytes, data, Math.min(end, data + CONNECT_PUSH.length)) === CONNECT_PUSH) {
      this.#owner.joined(seat, bytes, data, end);
    }
  }
}
