/**
 * Sockets that are turned away: each gets one answer, outside of Node's responses, and ends.
 *
 * Upgrades that are refused, requests that cannot be read, and those that meet a crowded worker. Invariant:
 * a socket that is turned away has a deadline (`Exchanges`), or waits for its refusal (`RefusalBrake`).
 */
import type { Duplex } from "node:stream";
import type { Clock } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { DateField } from "../../http/date-field.js";
import { isEventSource, retryAnswer } from "../../http/event-source.js";
import type { Exchanges } from "../../http/exchanges.js";
import { answerBytes, errorAnswer, type HttpAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import { socketOf, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { RefusalBrake } from "./refusal-brake.js";
import type { UpgradeRefusal } from "./upgrade.js";

/** The answer of a worker in which too many sockets wait. */
export const CROWDED = errorAnswer(503, errors.unavailable, { "Retry-After": "1", Connection: "close" });
/** When an EventSource comes back to a crowded worker: after so long, and up to so long more. */
const CROWDED_RETRY_MS = 1000;

export class TurnedAway {
  readonly #exchanges: Pick<Exchanges, "turnedAway">;
  readonly #date: DateField;
  readonly #random: () => number;
  readonly #brake: RefusalBrake<Duplex> | undefined;

  /** `random`: in [0, 1). Without a brake all refusals are said at once. */
  constructor(
    exchanges: Pick<Exchanges, "turnedAway">,
    clock: Clock,
    random: () => number,
    brake: RefusalBrake<Duplex> | undefined,
  ) {
    this.#exchanges = exchanges;
    this.#date = new DateField(clock);
    this.#random = random;
    this.#brake = brake;
  }

  /** What a crowded worker answers: a page's EventSource would be ended for good by the status. */
  crowdedFor({ method, url, headers }: RequestHead): HttpAnswer {
    if (!isEventSource({ method, url, accept: headers.accept })) return CROWDED;
    const afterMs = CROWDED_RETRY_MS + Math.floor(this.#random() * CROWDED_RETRY_MS);
    return retryAnswer(afterMs, `unavailable: ${errors.unavailable.message}`, {
      ...corsHeaders({ headers }),
      Connection: "close",
    });
  }

  /** Takes ownership of the handle; `ended` is called when it has closed. */
  addHandle(handle: TcpHandle, answer: HttpAnswer, ended: (() => void) | undefined): void {
    const socket = socketOf(handle);
    if (ended !== undefined) socket.once("close", ended);
    this.add(socket, answer);
  }

  /**
   * The rest of the input is read and dropped, within the answer's deadline: closing with unread bytes would
   * reset the connection and lose the answer.
   */
  add(socket: Duplex, answer: HttpAnswer, headOnly = false): void {
    const bytes = answerBytes(answer, this.#date.now, headOnly);
    this.#exchanges.turnedAway(socket, bytes.length);
    socket.on("error", destroySocket);
    socket.end(bytes);
    socket.resume();
  }

  /**
   * A refused upgrade. A refusal that says when to come back is said at once; the others slow those down that
   * come back anyway.
   */
  refuse(socket: Duplex, { status, error, headers }: UpgradeRefusal, headOnly = false): void {
    const say = (): void => {
      socket.removeListener("error", destroySocket);
      if (!socket.destroyed) this.add(socket, errorAnswer(status, error, headers), headOnly);
    };
    if (this.#brake === undefined || headers["Retry-After"] !== undefined) return say();
    socket.on("error", destroySocket);
    this.#brake.refuse(socket, say);
  }

  /** Says the refusals that wait. Idempotent. */
  close(): void {
    this.#brake?.close();
  }
}

/** A listener to errors, for sockets that no other part listens to. */
export function destroySocket(this: Duplex): void {
  this.destroy();
}
