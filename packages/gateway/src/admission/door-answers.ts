/**
 * The answers of a door: what a socket is told that does not go to a worker.
 *
 * The words are in `front-answers.ts`, the end of the connection in `lingering-closes.ts`. Invariants: each
 * refusal is counted once, with its reason; a socket that was given here has its answer on the way, and
 * belongs to no other part any more.
 */
import type { Clock } from "@holdfast/core";
import { DateField } from "../http/date-field.js";
import { type OriginCheck, originCheck } from "../http/origin.js";
import { readNow, type TcpHandle } from "../runtime/tcp-handle.js";
import { frontAnswer, healthyAnswer, type Refused, tlsAnswer } from "./front-answers.js";
import { frontCorsLines } from "./front-cors.js";
import { LingeringCloses } from "./lingering-closes.js";
import type { PendingSocket } from "./pending-socket.js";

/** Bytes that are read of a request which is refused unread; its origin stands among the first headers. */
const PEEK_BYTES = 2048;

/** What a test replaces, or shares with others. */
export interface DoorAnswersParts {
  readonly lingeringCloses?: LingeringCloses;
  /** Reads what has arrived on a handle. */
  readonly readNow?: typeof readNow;
}

export interface DoorAnswersOptions {
  readonly origins?: readonly string[] | undefined;
  readonly speaksTls?: boolean | undefined;
}

export class DoorAnswers {
  readonly #refused: (why: Refused) => void;
  readonly #speaksTls: boolean;
  readonly #date: DateField;
  readonly #lingeringCloses: LingeringCloses;
  readonly #readNow: typeof readNow;
  readonly #peeked = Buffer.alloc(PEEK_BYTES);
  #mayComeFrom: OriginCheck;

  /**
   * `origins`: those whose pages may read why they are refused; `*` is all. Undefined: the page's own host
   * only. `speaksTls`: whether connections begin with a TLS handshake. `refused` is told of each refusal.
   */
  constructor(
    { origins, speaksTls = false }: DoorAnswersOptions,
    refused: (why: Refused) => void,
    clock: Clock,
    { lingeringCloses = new LingeringCloses(clock), readNow: read = readNow }: DoorAnswersParts = {},
  ) {
    this.#mayComeFrom = originCheck(origins);
    this.#refused = refused;
    this.#speaksTls = speaksTls;
    this.#date = new DateField(clock);
    this.#lingeringCloses = lingeringCloses;
    this.#readNow = read;
  }

  /** From now on pages of these origins may read why they are refused. */
  allow(origins: readonly string[] | undefined): void {
    this.#mayComeFrom = originCheck(origins);
  }

  /**
   * Refuses a socket and takes it over. What was not read of its request may have come: the answer depends on
   * who asks, and for what.
   */
  refuse({ handle, head }: PendingSocket, why: Refused): void {
    this.#refused(why);
    const request = head === "" ? this.#peek(handle) : head;
    const alert = this.#speaksTls ? tlsAnswer(why, request) : undefined;
    if (alert !== undefined) return this.#lingeringCloses.say(handle, alert);
    const cors = frontCorsLines(request, this.#mayComeFrom);
    this.#lingeringCloses.say(handle, frontAnswer(why, Math.random(), this.#date.now, cors, request));
  }

  /** Tells a health check that all is well, and takes its socket over. */
  reassure({ handle, head }: PendingSocket): void {
    this.#lingeringCloses.say(handle, healthyAnswer(this.#date.now, head));
  }

  /** Cuts short the peers that have not read their answer in time. Call it now and then. */
  sweep(): void {
    this.#lingeringCloses.sweep();
  }

  /** Cuts short all. Idempotent. */
  close(): void {
    this.#lingeringCloses.close();
  }

  #peek(handle: TcpHandle): string {
    const length = this.#readNow(handle, this.#peeked) ?? 0;
    return this.#peeked.toString("latin1", 0, length);
  }
}
