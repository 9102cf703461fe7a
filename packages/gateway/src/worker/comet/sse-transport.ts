/**
 * The transport of an event stream: the answer to a request, without an end, on a bare TCP handle.
 *
 *     open ──our close──► ending ──FIN out, theirs──► closed
 *       └──────────their end, or an error───────────────┘
 *
 * The head says `Connection: close`, so the stream ends with the socket and has no framing of HTTP's own.
 * What the client sends on it means nothing, costs it a tenth of a command each time and for each 8 KiB, and
 * is dropped.
 * Invariants: `Connection#closed` is called exactly once for each opened connection, and never during another
 * call to the transport; every event that takes the client further has an id before it or in it, where the
 * client comes back by ids. The answer's head leaves first: an end that core gives while the connection is
 * being opened waits for it, so that every request hears a status and why the stream ended.
 */
import { type Connection, type Framing, type Transport, tenthsFor } from "@holdfast/core";
import { disconnects, mayReconnect, type Position, type Resume } from "@holdfast/protocol";
import type {
  HandleIo,
  HandleOwner,
  OwnedHandle,
  TcpHandle,
  WriteOutcome,
} from "../../runtime/tcp-handle.js";
import { Backlog } from "../sockets/backlog.js";
import { type CommandFrame, carryOut } from "./commands.js";
import { cursorHead, encodeCursor } from "./cursor.js";
import type { CometSession } from "./sessions.js";
import { EventFraming, idLine, NumberedFraming } from "./sse-framing.js";

/** What the edge tells core about one connection. */
export type CometConnection = Pick<
  Connection,
  "id" | "receive" | "alive" | "spend" | "closed" | "disconnect" | "newResumeToken"
>;

/** What all streams of a worker share. */
export interface StreamHome {
  readonly io: HandleIo;
  /** Monotonic ms. */
  now(): number;
  /** How long a stream may go on without a proof that its client is there, ms. */
  readonly silenceMs: number;
  /** Whether its head has yet to leave. */
  isOpening(transport: SseTransport): boolean;
  /** Takes bytes that are to leave with the head; false when that has left. */
  gather(transport: SseTransport, bytes: Uint8Array): boolean;
  /** It has a session, under this id. */
  named(transport: SseTransport, sid: string): void;
  /** It should end soon. Called once. */
  leaving(transport: SseTransport): void;
  /** Its socket is closed. Called once. */
  gone(transport: SseTransport): void;
}

/**
 * How the client comes back.
 * - `none`: by itself: the SDK knows its positions;
 * - `shared`: by the id of its one channel, which is the same for all;
 * - `own`: by ids that name all its channels;
 * - `proven`: by ids that also prove whose they are.
 */
export type Ids = "none" | "shared" | "own" | "proven";

/** What an id of its own is made from. */
interface Place {
  readonly positions: Map<string, Position | undefined>;
  readonly proof: (() => Resume | undefined) | undefined;
  /** Undefined when it has to be made anew: a proof does not last for ever. */
  head: string | undefined;
}

type State = "open" | "ending" | "flushing" | "closed";

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

export class SseTransport implements Transport, HandleOwner, CometSession {
  /** Set once, before anything can arrive; unset when the socket is gone. */
  connection: CometConnection | undefined = undefined;
  bytesRead = 0;
  readonly #handle: OwnedHandle;
  readonly #home: StreamHome;
  #state: State = "open";
  /** There while the kernel has not taken all that was written. */
  #backlog: Backlog | undefined = undefined;
  #ids: Ids | Place;
  #lastCommand = 0;
  /** When the client last proved that it is there, monotonic ms, and what was written since. */
  #provenAt: number;
  #unprovenBytes = 0;

  /**
   * `early`: how much sooner than others its first proof is due, ms, so that streams do not end as one wave.
   */
  constructor(handle: TcpHandle, home: StreamHome, ids: Ids, early = 0) {
    this.#provenAt = home.now() - early;
    this.#home = home;
    this.#ids = ids;
    this.#handle = home.io.own(handle, this);
  }

  get framing(): Framing {
    return this.#ids === "shared" ? NUMBERED : EVENTS;
  }

  get bufferedBytes(): number {
    return this.#backlog === undefined ? 0 : this.#handle.writeQueueSize + this.#backlog.bytes;
  }

  write(frames: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#put(typeof this.#ids === "object" ? this.#withIds(frames, this.#ids) : frames);
  }

  /**
   * Nothing here answers, and bytes that only the kernel has prove nothing. For a while they count as a sign
   * of life all the same; then core misses the pong and ends the stream, and a client that is there comes
   * back.
   */
  ping(): void {
    if (this.#state !== "open") return;
    if (typeof this.#ids === "object") this.#ids.head = undefined;
    this.#put(COMMENT);
    const isTrusted = this.#home.now() - this.#provenAt < this.#home.silenceMs;
    if (this.#backlog === undefined && isTrusted) this.connection?.alive();
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    if (!mayReconnect(code)) this.setRetryDelay(STAY_AWAY_MS);
    this.#put(Buffer.from(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`));
    this.#end("ending");
  }

  terminate(): void {
    if (this.#state === "closed") return;
    if (this.#home.isOpening(this)) return this.#end("ending");
    this.#state = "closed";
    this.#backlog = undefined;
    this.#home.io.close(this.#handle);
  }

  setRetryDelay(afterMs: number): void {
    if (this.#state === "open") this.#put(Buffer.from(`retry: ${afterMs}\n\n`));
  }

  subscribed(positions: ReadonlyMap<string, Position | undefined>, proof: () => Resume | undefined): void {
    const sid = proof()?.sid;
    if (sid !== undefined) this.#home.named(this, sid);
    if (this.#state !== "open" || this.#ids === "none") return;
    const known = [...positions].filter(([, position]) => position !== undefined);
    if (this.#ids === "shared") {
      if (known.length > 0) this.#tell(encodeCursor(cursorHead(), known));
      return;
    }
    if (typeof this.#ids !== "object")
      this.#ids = {
        positions: new Map(),
        proof: this.#ids === "proven" ? proof : undefined,
        head: undefined,
      };
    for (const [channel, position] of known) this.#ids.positions.set(channel, position);
    this.#tell(this.#cursor(this.#ids));
  }

  unsubscribed(channel: string): void {
    if (typeof this.#ids === "object") this.#ids.positions.delete(channel);
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
    if (this.#state === "closed") return;
    this.#put(head);
    if (this.#state === "ending" && this.#backlog === undefined) this.#sendEnd();
    if (!this.destroyed) this.#home.io.start(this.#handle);
  }

  // What `WaitingSockets` asks of those that it ends.

  get destroyed(): boolean {
    return this.#state === "closed";
  }

  destroy(): void {
    this.terminate();
  }

  // What happens on the handle.

  read(bytes: Buffer | undefined): void {
    if (bytes !== undefined) return this.#heard(bytes.length);
    if (this.bufferedBytes === 0) this.terminate();
    else if (this.#state === "open") this.#end("flushing");
    else if (this.#state === "ending") this.#state = "flushing";
  }

  written(): void {
    if (this.#backlog === undefined) return;
    const chunks = this.#backlog.take();
    if (chunks.length > 0 && this.#wrote(this.#home.io.writeAll(this.#handle, chunks)) === "waiting") return;
    this.#backlog = undefined;
    // What did not fit into the kernel fits now.
    this.#proven();
    if (this.#state === "open") this.connection?.alive();
    else if (this.#state !== "closed") this.#sendEnd();
  }

  writeFailed(): void {
    this.terminate();
  }

  ended(): void {
    if (this.#state === "flushing") this.terminate();
  }

  closed(): void {
    const { connection } = this;
    this.connection = undefined;
    this.#home.gone(this);
    connection?.closed();
  }

  /** Its client has nothing to say here, and pays for it. Of one that has ended nothing more is read. */
  #heard(bytes: number): void {
    if (this.#state === "open") this.connection?.spend(1 + tenthsFor(bytes));
    if (this.#state !== "open" && bytes >= LOUD_BYTES) this.#home.io.stop(this.#handle);
  }

  /** An id in front of each event that has moved a position. */
  #withIds(frames: Uint8Array, place: Place): Uint8Array {
    const endings = EVENTS.endings(frames);
    if (endings === undefined) return frames;
    const chunks: Uint8Array[] = [];
    let start = 0;
    for (const { end, at } of endings) {
      if (at !== undefined) {
        place.positions.set(at.channel, at.position);
        chunks.push(Buffer.from(idLine(this.#cursor(place))));
      }
      chunks.push(frames.subarray(start, end));
      start = end;
    }
    return Buffer.concat(chunks);
  }

  #cursor(place: Place): string {
    place.head ??= headOf(place.proof?.());
    return encodeCursor(place.head, place.positions);
  }

  /** An event without data: it is not heard, and moves the id all the same. */
  #tell(cursor: string): void {
    this.#put(Buffer.from(`${idLine(cursor)}\n`));
  }

  /** Ends our side behind all that waits. */
  #end(state: "ending" | "flushing"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#home.leaving(this);
    if (this.#backlog === undefined && !this.#home.isOpening(this)) this.#sendEnd();
  }

  #sendEnd(): void {
    if (!this.#home.io.end(this.#handle)) this.terminate();
  }

  #proven(): void {
    this.#provenAt = this.#home.now();
    this.#unprovenBytes = 0;
  }

  #put(bytes: Uint8Array): void {
    this.#unprovenBytes += bytes.length;
    if (this.#unprovenBytes > PROOF_BYTES && this.#backlog === undefined) this.#proven();
    if (this.#backlog !== undefined) this.#backlog.add(bytes);
    else if (!this.#home.gather(this, bytes)) this.#wrote(this.#home.io.write(this.#handle, bytes));
  }

  #wrote(outcome: WriteOutcome): WriteOutcome {
    if (outcome === "waiting") this.#backlog ??= new Backlog();
    else if (outcome === "broken") this.terminate();
    return outcome;
  }
}

function headOf(resume: Resume | undefined): string {
  return cursorHead(resume?.sid, "", resume?.token);
}
