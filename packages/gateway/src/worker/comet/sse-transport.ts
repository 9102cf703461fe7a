/**
 * The transport of an event stream: the answer to a request, without an end, on a bare TCP handle
 * (`HandleWriter`).
 *
 *     open ──our close──► ending ──FIN out, theirs──► closed
 *       └──────────their end, or an error───────────────┘
 *
 * The head says `Connection: close`, so the stream ends with the socket and has no framing of HTTP's own.
 * What the client sends on it means nothing, costs it a tenth of a command each time and for each 8 KiB, and
 * is dropped.
 * Invariant: the answer's head leaves first. An end that core gives while the connection is being opened
 * waits for it, so that every request hears a status and why the stream ended.
 */
import { type Connection, type FrameRun, type Framing, type Transport, tenthsFor } from "@holdfast/core";
import { disconnects, mayReconnect, type Position, type Resume } from "@holdfast/protocol";
import type { Seat } from "../../runtime/tcp-handle.js";
import { HandleWriter, type WriterHome } from "../sockets/handle-writer.js";
import { type CommandFrame, carryOut } from "./commands.js";
import { cursorHead, encodeCursor } from "./cursor.js";
import { EventIds } from "./event-ids.js";
import type { CometSession } from "./sessions.js";
import { EventFraming, idLine, NumberedFraming } from "./sse-framing.js";

/** What the edge tells core about one connection. */
export type CometConnection = Pick<
  Connection,
  "id" | "receive" | "alive" | "spend" | "closed" | "disconnect" | "newResumeToken"
>;

/** What all streams of a worker share. */
export interface StreamHome extends WriterHome {
  /** Monotonic ms. */
  now(): number;
  /** How long a stream may go on without a proof that its client is there, ms. */
  readonly silenceMs: number;
  /** Whether its head has yet to leave. */
  isOpening(transport: SseTransport): boolean;
  /** It has a session, under this id. */
  named(transport: SseTransport, sid: string): void;
  /** It should end soon. Called once. */
  leaving(transport: SseTransport): void;
}

/**
 * How the client comes back.
 * - `none`: by itself: the SDK knows its positions;
 * - `shared`: by the id of its one channel, which is the same for all;
 * - `own`: by ids that name all its channels;
 * - `proven`: by ids that also prove whose they are.
 */
export type Ids = "none" | "shared" | "own" | "proven";

const EVENTS = new EventFraming();
const NUMBERED = new NumberedFraming();
const COMMENT = Buffer.from(":\n\n");
/**
 * More than kernels keep for one socket: if it took so many without one waiting, the client has acknowledged
 * some.
 */
const PROOF_BYTES = 16 * 1024 * 1024;
/** A client that sends so much to a stream that has ended is not read any more: its deadline ends it. */
const LOUD_BYTES = 8 * 1024;
/** An EventSource always comes back; one that may not is asked to wait, and then refused. */
const STAY_AWAY_MS = 3_600_000;

export class SseTransport
  extends HandleWriter<StreamHome, CometConnection>
  implements Transport, CometSession
{
  #ids: Ids | EventIds;
  #lastCommand = 0;
  /** When the client last proved that it is there, monotonic ms, and what was written since. */
  #provenAt: number;
  #unprovenBytes = 0;

  /**
   * `early`: how much sooner than others its first proof is due, ms, so that streams do not end as one wave.
   */
  constructor(seat: Seat, home: StreamHome, ids: Ids, early = 0) {
    super(seat, home);
    this.#provenAt = home.now() - early;
    this.#ids = ids;
  }

  get framing(): Framing {
    return this.#ids === "shared" ? NUMBERED : EVENTS;
  }

  write(frames: Uint8Array): void {
    if (this.state !== "open") return;
    this.put(typeof this.#ids === "object" ? this.#ids.number(frames, EVENTS) : frames);
  }

  writeRun(run: FrameRun): void {
    if (this.state !== "open") return;
    const ids = this.#ids;
    if (typeof ids !== "object") this.put(run.joined);
    else this.put(Buffer.concat(run.list.map((frames) => ids.number(frames, EVENTS))));
  }

  /**
   * Nothing here answers, and bytes that only the kernel has prove nothing. For a while they count as a sign
   * of life all the same; then core misses the pong and ends the stream, and a client that is there comes
   * back.
   */
  ping(): void {
    if (this.state !== "open") return;
    if (typeof this.#ids === "object") this.#ids.renew();
    this.put(COMMENT);
    const isTrusted = this.home.now() - this.#provenAt < this.home.silenceMs;
    if (!this.isWaiting && isTrusted) this.connection?.alive();
  }

  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    if (!mayReconnect(code)) this.setRetryDelay(STAY_AWAY_MS);
    this.put(Buffer.from(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`));
    this.#end("ending");
  }

  override terminate(): void {
    if (this.state !== "closed" && this.home.isOpening(this)) this.#end("ending");
    else super.terminate();
  }

  setRetryDelay(afterMs: number): void {
    if (this.state === "open") this.put(Buffer.from(`retry: ${afterMs}\n\n`));
  }

  subscribed(positions: ReadonlyMap<string, Position | undefined>, proof: () => Resume | undefined): void {
    const sid = proof()?.sid;
    if (sid !== undefined) this.home.named(this, sid);
    if (this.state !== "open" || this.#ids === "none") return;
    const known = [...positions].filter(([, position]) => position !== undefined);
    if (this.#ids === "shared") {
      if (known.length > 0) this.#tell(encodeCursor(cursorHead(), known));
      return;
    }
    if (typeof this.#ids !== "object") this.#ids = new EventIds(this.#ids === "proven" ? proof : undefined);
    for (const [channel, position] of known) this.#ids.moved(channel, position);
    this.#tell(this.#ids.cursor);
  }

  unsubscribed(channel: string): void {
    if (typeof this.#ids === "object") this.#ids.left(channel);
  }

  /** Carries out commands that came by another request. */
  take(commands: readonly CommandFrame[]): void {
    this.#proven();
    this.#lastCommand = carryOut(commands, this.#lastCommand, this.connection);
  }

  supersede(): void {
    this.connection?.disconnect(disconnects.superseded);
  }

  /** Begins with the head, behind which a stream that has ended already ends. */
  start(head: Uint8Array): void {
    if (this.destroyed) return;
    this.put(head);
    if (this.state === "ending") this.finish();
    this.startReading();
  }

  read(bytes: Buffer | undefined): void {
    if (bytes !== undefined) return this.#heard(bytes.length);
    if (this.bufferedBytes === 0) this.terminate();
    else if (this.state === "open") this.#end("flushing");
    else if (this.state === "ending") this.state = "flushing";
  }

  /** What did not fit into the kernel fits now. */
  protected override drained(): void {
    this.#proven();
    if (this.state === "open") this.connection?.alive();
  }

  protected override put(bytes: Uint8Array): void {
    this.#unprovenBytes += bytes.length;
    if (this.#unprovenBytes > PROOF_BYTES && !this.isWaiting) this.#proven();
    super.put(bytes);
  }

  /** Its client has nothing to say here, and pays for it. Of one that has ended nothing more is read. */
  #heard(bytes: number): void {
    if (this.state === "open") this.connection?.spend(1 + tenthsFor(bytes));
    if (this.state !== "open" && bytes >= LOUD_BYTES) this.stopReading();
  }

  /** An event without data: it is not heard, and moves the id all the same. */
  #tell(cursor: string): void {
    this.put(Buffer.from(`${idLine(cursor)}\n`));
  }

  /** Ends our side behind all that waits. */
  #end(state: "ending" | "flushing"): void {
    if (this.state !== "open") return;
    this.state = state;
    this.home.leaving(this);
    if (!this.home.isOpening(this)) this.finish();
  }

  #proven(): void {
    this.#provenAt = this.home.now();
    this.#unprovenBytes = 0;
  }
}
