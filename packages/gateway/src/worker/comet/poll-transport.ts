/**
 * The transport of long-poll: one session whose client fetches what there is, again and again.
 *
 *     absent ⇄ held (a request waits for something to say)
 *     both ──core's close──► closing ──last batch taken──► ended
 *
 * Each answer that says anything is a batch with a number. Its cursor acknowledges it with the next poll;
 * until then the batch is kept, and a poll with the cursor before gets the very same bytes. What is kept
 * counts as waiting in the outbox. Invariants: at most one poll is held; a batch is built once;
 * `Connection#closed` is called once, and never during another call to the transport.
 */
import type { Connection, Framing, Transport } from "@holdfast/core";
import { disconnects, mayReconnect, type Position } from "@holdfast/protocol";
import { type CommandFrame, carryOut } from "./commands.js";
import { type Cursor, cursorHead, encodeCursor, NONCE_LENGTH } from "./cursor.js";
import { PollFraming } from "./poll-framing.js";
import { PollQueue } from "./poll-queue.js";
import type { CometSession } from "./sessions.js";

export type PollConnection = Pick<
  Connection,
  "id" | "receive" | "alive" | "spend" | "closed" | "disconnect" | "newResumeToken"
>;

/** A request that waits for an answer. */
export interface HeldPoll {
  answer(body: Uint8Array): void;
  /** Its session goes on elsewhere: with a newer poll, or in another transport. */
  supersede(): void;
  /** Its session has ended without a word. */
  drop(): void;
}

/** What all polled sessions of a worker share. */
export interface PollHome {
  /** Calls `flush` at the end of this turn of the loop. */
  flushSoon(transport: PollTransport): void;
  /** A poll is held now, or no more. */
  holding(transport: PollTransport, held: HeldPoll | undefined, before: HeldPoll | undefined): void;
  /** It should end soon. Called once. */
  leaving(transport: PollTransport): void;
  /** The session is reached under this id from now on. */
  named(transport: PollTransport, sid: string): void;
  /** Called once. */
  gone(transport: PollTransport): void;
  /** How long a poll without news is held, ms. */
  readonly holdMs: number;
  /** Something to put into a cursor while no token can be made. */
  nonce(): string;
}

/** Answers after which the proof in the cursor is made anew: it does not last for ever. */
const ANSWERS_PER_PROOF = 256;

const FRAMING = new PollFraming();
const NOTHING = Buffer.alloc(0);

type State = "open" | { readonly t: "closing"; readonly code: number; readonly reason: string } | "ended";

export class PollTransport implements Transport, CometSession {
  /** Set once, before anything can arrive. */
  connection: PollConnection | undefined = undefined;
  readonly #home: PollHome;
  #state: State = "open";
  readonly #queue = new PollQueue();
  #number: number;
  /** The last batch, until it is acknowledged. */
  #kept: Uint8Array | undefined;
  /** Of what core wrote, what is in it: core counts what left by what it wrote. */
  #keptBytes = 0;
  #held: HeldPoll | undefined;
  #proof = "";
  #answers = 0;
  #isDue = false;
  #lastCommand = 0;
  /** When it is to come back, ms, and what it was told of that. */
  #waitMs = 0;
  #told = 0;
  #name = "";

  /** `number`: of the batch that the client has, where it comes back. */
  constructor(home: PollHome, number = 0) {
    this.#home = home;
    this.#number = number;
  }

  get framing(): Framing {
    return FRAMING;
  }

  get bufferedBytes(): number {
    return this.#queue.bytes + this.#keptBytes;
  }

  write(frames: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#queue.write(frames, FRAMING.endings(frames));
    this.#flushSoon();
  }

  /** A client that is gone sends no further poll, which is noticed sooner than a ping would. */
  ping(): void {
    if (this.#state === "open") this.connection?.alive();
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    // A client that was told to come back later does so, with its cursor, and not here.
    if (this.#held === undefined && this.#told > 0) return this.terminate();
    this.#state = { t: "closing", code, reason };
    this.#home.leaving(this);
    this.#flushSoon();
  }

  terminate(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const held = this.#held;
    this.#hold(undefined);
    held?.drop();
    this.#queue.clear();
    this.#kept = undefined;
    this.#keptBytes = 0;
    queueMicrotask(() => {
      this.#home.gone(this);
      this.connection?.closed();
    });
  }

  setRetryDelay(afterMs: number): void {
    this.#waitMs = afterMs;
  }

  subscribed(positions: ReadonlyMap<string, Position | undefined>): void {
    if (this.#state === "open") this.#queue.subscribed(positions);
  }

  unsubscribed(channel: string): void {
    if (this.#state === "open") this.#queue.unsubscribed(channel);
  }

  take(commands: readonly CommandFrame[]): void {
    if (this.#state === "open") this.#lastCommand = carryOut(commands, this.#lastCommand, this.connection);
  }

  supersede(): void {
    const held = this.#held;
    this.#hold(undefined);
    held?.supersede();
    this.connection?.disconnect(disconnects.superseded);
    this.terminate();
  }

  /** The secret of its last cursor. */
  get proof(): string {
    return this.#proof;
  }

  /** Whether it has been told to end. */
  get isLeaving(): boolean {
    return this.#state !== "open";
  }

  /**
   * A poll of this session. False when it stands where this session cannot go on from; the session ends then.
   */
  poll(
    cursor: Pick<Cursor, "number"> | undefined,
    commands: readonly CommandFrame[],
    held: HeldPoll,
  ): boolean {
    const number = cursor?.number ?? this.#number;
    if (this.#state === "ended") return false;
    const isRepeat = number === this.#number - 1 && this.#kept !== undefined;
    if (number !== this.#number && !isRepeat) {
      this.supersede();
      return false;
    }
    this.#held?.supersede();
    this.#hold(held);
    if (!isRepeat) {
      this.#kept = undefined;
      this.#keptBytes = 0;
      if (typeof this.#state === "object" && this.#queue.isEmpty) {
        // The last batch has arrived: there is nothing more to say.
        this.#hold(undefined);
        this.terminate();
        return false;
      }
    }
    this.take(commands);
    if (this.#kept !== undefined || !this.#queue.isEmpty) this.#flushSoon();
    return true;
  }

  // What `WaitingSockets` asks of those that it ends: without a poll for too long.

  get destroyed(): boolean {
    return this.#state === "ended";
  }

  destroy(): void {
    this.terminate();
  }

  /** Its request has ended without an answer. */
  lost(held: HeldPoll): void {
    if (this.#held === held) this.#hold(undefined);
  }

  /** Answers what is held: with what there is, or, when it was held long enough, with nothing. */
  flush(evenNothing = false): void {
    this.#isDue = false;
    const held = this.#held;
    if (held === undefined || this.#state === "ended") return;
    if (this.#kept === undefined && (!this.#queue.isEmpty || this.#state !== "open"))
      this.#kept = this.#batch();
    if (this.#kept === undefined && !evenNothing) return;
    this.#hold(undefined);
    this.#told = this.#waitMs;
    held.answer(this.#kept ?? this.#body(NOTHING, undefined));
  }

  #flushSoon(): void {
    if (this.#held === undefined || this.#isDue) return;
    this.#isDue = true;
    this.#home.flushSoon(this);
  }

  #hold(held: HeldPoll | undefined): void {
    const before = this.#held;
    this.#held = held;
    this.#home.holding(this, held, before);
  }

  #batch(): Uint8Array {
    const frames = this.#queue.take();
    this.#keptBytes = frames.length;
    this.#number++;
    return this.#body(frames, this.#queue.isEmpty ? this.#state : "open");
  }

  #body(frames: Uint8Array, state: State | undefined): Uint8Array {
    const sid = this.connection?.id ?? "";
    const end = typeof state === "object" ? state : undefined;
    const cursor = end === undefined || mayReconnect(end.code) ? `,"cursor":"${this.#cursor(sid)}"` : "";
    const close = end && { code: end.code, reason: end.reason };
    // Once: by it the client knows how long silence is no bad sign.
    const hold = this.#answers === 1 ? `,"hold":${this.#home.holdMs}` : "";
    const closing = close === undefined ? "" : `,"close":${JSON.stringify(close)}`;
    return Buffer.concat([
      Buffer.from(`{"sid":"${sid}"${cursor},"frames":[`),
      frames.subarray(1),
      Buffer.from(`],"wait":${this.#waitMs}${hold}${closing}}\n`),
    ]);
  }

  #cursor(sid: string): string {
    if (this.#proof.length <= NONCE_LENGTH || this.#answers % ANSWERS_PER_PROOF === 0)
      this.#proof = this.connection?.newResumeToken() ?? (this.#proof || this.#home.nonce());
    this.#answers++;
    if (sid !== this.#name) {
      this.#name = sid;
      this.#home.named(this, sid);
    }
    return encodeCursor(cursorHead(sid, this.#number, this.#proof), this.#queue.positions);
  }
}
