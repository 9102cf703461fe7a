/**
 * WebSocket as a plain client speaks it (protocol §9): the URL names the channels, and the first message says
 * that the session stands.
 */

import { ASKING, JOINING } from "./connection-table.js";
import { CLOSE, type FrameSink, maskedFrame, PING, PONG, readFrames, TEXT } from "./frames.js";
import { readAnswer } from "./handshake.js";
import { latin1, type Wire, type WireOwner } from "./wire.js";

const CONNECT_PUSH = '{"connect":';
const EMPTY_PONG = maskedFrame(PONG);

export class WebSocketWire implements Wire, FrameSink {
  readonly #owner: WireOwner;
  /** The seat whose bytes are being read. */
  #seat = 0;

  constructor(owner: WireOwner) {
    this.#owner = owner;
  }

  read(seat: number, bytes: Uint8Array): number | string {
    let from = 0;
    if (this.#owner.stateOf(seat) === ASKING) {
      const answer = readAnswer(latin1(bytes, 0, bytes.length));
      if (answer.is === "refused") return answer.why;
      if (answer.is === "unfinished") return 0;
      this.#owner.accepted(seat);
      from = answer.end;
    }
    this.#seat = seat;
    const rest = readFrames(bytes, from, this);
    return rest < 0 ? "malformed frame" : rest;
  }

  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    const seat = this.#seat;
    if (opcode === TEXT) this.#text(seat, bytes, start, end);
    else if (opcode === PING) {
      this.#owner.pinged(seat);
      this.#owner.write(seat, end === start ? EMPTY_PONG : maskedFrame(PONG, latin1(bytes, start, end)));
    } else if (opcode === CLOSE) this.#owner.end(seat, closeReason(bytes, start, end));
  }

  #text(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#owner.stateOf(seat) !== JOINING) this.#owner.message(seat, bytes, start, end);
    else if (latin1(bytes, start, Math.min(end, start + CONNECT_PUSH.length)) === CONNECT_PUSH) {
      this.#owner.joined(seat, bytes, start, end);
    }
  }
}

/** `closed 3000 drain` */
function closeReason(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < 2) return "closed without a code";
  const code = (bytes[start] ?? 0) * 256 + (bytes[start + 1] ?? 0);
  return `closed ${code} ${latin1(bytes, start + 2, end).slice(0, 40)}`.trimEnd();
}
