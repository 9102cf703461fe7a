/**
 * The event streams of a worker: opens them on handles (`HandleWriters`), with the head of their answers.
 *
 * Owns the names by which streams are found. Invariant: a name is forgotten with its stream.
 */
import type { Clock, Codec, ForwardedHeaders, Identity, Transport, UrlConnect } from "@holdfast/core";
import { DateField } from "../../http/date-field.js";
import { type AnyWriterIo, HandleIo } from "../../runtime/handle-io.js";
import type { Seat } from "../../runtime/tcp-handle.js";
import { HandleWriters } from "../sockets/handle-writers.js";
import type { CometSessions } from "./sessions.js";
import { type CometConnection, type Ids, SseTransport, type StreamHome } from "./sse-transport.js";

/** The part of core that takes connections. */
export interface CometOpener {
  open(
    transport: Transport,
    codec: Codec,
    url?: UrlConnect,
    identity?: Identity,
    headers?: ForwardedHeaders,
  ): CometConnection;
}

/** What a request for a stream asks for. */
export interface StreamRequest {
  readonly codec: Codec;
  readonly ids: Ids;
  /** Undefined: `commands` connects. */
  readonly url: UrlConnect | undefined;
  /** What the request proved. */
  readonly identity: Identity | undefined;
  /** What the application is shown when `connect` comes. */
  readonly forwarded?: ForwardedHeaders | undefined;
  /** The client's address where a proxy speaks for it: see `ClientAddresses#remembered`. */
  readonly address?: string | undefined;
  /** Frames of the protocol, as a message. */
  readonly commands: string | undefined;
  /** Headers of the answer that depend on the request. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * How long an EventSource waits before it comes back, ms; spread, so that many do not come back as one wave.
 */
export const RETRY_MS = 1_000;
export const RETRY_SPREAD_MS = 2_000;

const HEADERS = Object.freeze({
  "Content-Type": "text/event-stream; charset=utf-8",
  // `no-transform`: proxies that compress collect before they send.
  "Cache-Control": "no-cache, no-transform",
  // nginx would collect a buffer full.
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
});
/** A comment, for whatever on the way waits for 2 KB before it passes anything on. */
const PADDING = Buffer.from(`:${" ".repeat(2046)}\n`);

/** The headers of a stream's answer. */
export function streamHeaders(more: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...HEADERS, ...more };
}

export class EventStreams extends HandleWriters<SseTransport> implements StreamHome {
  readonly silenceMs: number;
  readonly #clock: Clock;
  readonly #opener: CometOpener;
  readonly #sessions: CometSessions;
  readonly #random: () => number;
  readonly #date: DateField;
  /** Under which name it can be reached. */
  readonly #names = new Map<SseTransport, string>();

  constructor(
    opener: CometOpener,
    sessions: CometSessions,
    clock: Clock,
    random: () => number,
    silenceMs = Number.POSITIVE_INFINITY,
    io: AnyWriterIo = new HandleIo(),
  ) {
    super(clock, io);
    this.#clock = clock;
    this.silenceMs = silenceMs;
    this.#opener = opener;
    this.#sessions = sessions;
    this.#random = random;
    this.#date = new DateField(clock);
  }

  /**
   * Answers and opens the connection. Takes ownership of its seat; `ended` is called when it has closed.
   */
  accept(seat: Seat, request: StreamRequest, ended: (() => void) | undefined): void {
    const transport = new SseTransport(seat, this, request.ids, this.#early());
    transport.namedAddress = request.address;
    this.begin(transport, [this.#head(request), PADDING, this.#retry()], ended);
    let answer: Uint8Array;
    try {
      transport.connection = this.#opener.open(
        transport,
        request.codec,
        request.url,
        request.identity,
        request.forwarded,
      );
      if (request.commands !== undefined) transport.connection.receive(request.commands);
    } finally {
      answer = this.takeGathered();
    }
    transport.start(answer);
  }

  now(): number {
    return this.#clock.monotonic();
  }

  named(transport: SseTransport, sid: string): void {
    this.#forgetName(transport);
    this.#names.set(transport, sid);
    this.#sessions.set(sid, transport);
  }

  override gone(transport: SseTransport): void {
    this.#forgetName(transport);
    super.gone(transport);
  }

  #forgetName(transport: SseTransport): void {
    const sid = this.#names.get(transport);
    if (sid === undefined) return;
    this.#names.delete(transport);
    this.#sessions.delete(sid, transport);
  }

  #head({ headers }: StreamRequest): Uint8Array {
    let head = `HTTP/1.1 200 OK\r\nConnection: close\r\nDate: ${this.#date.now}\r\n`;
    for (const [name, value] of Object.entries(streamHeaders(headers))) head += `${name}: ${value}\r\n`;
    return Buffer.from(`${head}\r\n`, "latin1");
  }

  /** Up to a quarter. */
  #early(): number {
    return Number.isFinite(this.silenceMs) ? (this.silenceMs / 4) * this.#random() : 0;
  }

  #retry(): Uint8Array {
    return Buffer.from(`retry: ${RETRY_MS + Math.floor(this.#random() * RETRY_SPREAD_MS)}\n\n`);
  }
}
