/**
 * The outbox of a polled session: what its client has yet to be given, in numbered batches, and the answers
 * that bring them.
 *
 *     waiting (`PollQueue`) ──answer──► kept ──the next cursor──► given
 *
 * Each batch is kept until a cursor acknowledges it, and a poll with the cursor before gets the very same
 * content. It is a queue itself, so that a session has one object for both. Owns the proof in the cursor.
 * Invariants: a batch is built once; core counts what left by what it wrote, so kept bytes are counted
 * without what an answer adds to them.
 */
import { mayReconnect } from "@holdfast/protocol";
import { PartedBody } from "../http/parted-body.js";
import { cursorHead, encodeCursor, NONCE_LENGTH } from "./cursor.js";
import { PollQueue } from "./poll-queue.js";

/** Answers after which the proof in the cursor is made anew: it does not last for ever. */
const ANSWERS_PER_PROOF = 256;
const NOTHING: readonly Uint8Array[] = [];

/** How a session ends, as its client is told. */
export interface PollClose {
  readonly code: number;
  readonly reason: string;
}

/** The session that an answer is of. */
export interface AnsweredSession {
  readonly connection: { readonly id: string; newResumeToken(): string | undefined } | undefined;
}

/** What answers need of the worker. */
export interface AnswerHome<Session extends AnsweredSession> {
  /** How long a poll without news is held, ms. */
  readonly holdMs: number;
  /** Something to put into a cursor while no token can be made. */
  nonce(): string;
  /** The session is reached under this id from now on. */
  named(session: Session, sid: string): void;
}

export class PollOutbox extends PollQueue {
  /** When the client is to come back, ms. */
  waitMs = 0;
  /** What it was told of that. */
  #toldMs = 0;
  #number: number;
  /** The answer with the last batch, until it is acknowledged. */
  #kept: PartedBody | undefined;
  #keptBytes = 0;
  #proof = "";
  #answers = 0;

  /** `number`: of the batch that the client has. */
  constructor(number: number) {
    super();
    this.#number = number;
  }

  /** Bytes that core wrote and no cursor has acknowledged. */
  get unacknowledgedBytes(): number {
    return this.bytes + this.#keptBytes;
  }

  /** Whether there is anything to say. */
  get hasNews(): boolean {
    return this.#kept !== undefined || !this.isEmpty;
  }

  /** The secret of the last cursor. */
  get proof(): string {
    return this.#proof;
  }

  /** Whether the client was told to come back later. */
  get isAwaitedLater(): boolean {
    return this.#toldMs > 0;
  }

  /**
   * A poll with a cursor of this number, or with none. `next`: it has the last batch, which is forgotten;
   * `again`: it lacks the last batch; `elsewhere`: this session cannot go on from there.
   */
  acknowledge(number = this.#number): "next" | "again" | "elsewhere" {
    if (number === this.#number) {
      this.#forgetKept();
      return "next";
    }
    return number === this.#number - 1 && this.#kept !== undefined ? "again" : "elsewhere";
  }

  override clear(): void {
    super.clear();
    this.#forgetKept();
  }

  /**
   * The body of an answer: the batch that is kept, or else the next one, or no frames at all. `close`: how
   * the session ends, which is said with its last batch.
   */
  answer<Session extends AnsweredSession>(
    session: Session,
    close: PollClose | undefined,
    home: AnswerHome<Session>,
  ): PartedBody {
    this.#toldMs = this.waitMs;
    if (this.#kept !== undefined) return this.#kept;
    if (this.isEmpty && close === undefined) return this.#body(NOTHING, undefined, session, home);
    const frames = this.take();
    this.#keptBytes = frames.reduce((sum, { length }) => sum + length, 0);
    this.#number++;
    this.#kept = this.#body(frames, this.isEmpty ? close : undefined, session, home);
    return this.#kept;
  }

  #forgetKept(): void {
    this.#kept = undefined;
    this.#keptBytes = 0;
  }

  #body<Session extends AnsweredSession>(
    frames: readonly Uint8Array[],
    close: PollClose | undefined,
    session: Session,
    home: AnswerHome<Session>,
  ): PartedBody {
    const sid = session.connection?.id ?? "";
    const mayGoOn = close === undefined || mayReconnect(close.code);
    const cursor = mayGoOn ? `,"cursor":"${this.#cursor(sid, session, home)}"` : "";
    // Once: by it the client knows how long silence is no bad sign.
    const hold = this.#answers === 1 ? `,"hold":${home.holdMs}` : "";
    const closing =
      close === undefined ? "" : `,"close":${JSON.stringify({ code: close.code, reason: close.reason })}`;
    return new PartedBody(
      `{"sid":"${sid}"${cursor},"frames":[`,
      frames,
      `],"wait":${this.waitMs}${hold}${closing}}\n`,
    );
  }

  #cursor<Session extends AnsweredSession>(sid: string, session: Session, home: AnswerHome<Session>): string {
    if (this.#proof.length <= NONCE_LENGTH || this.#answers % ANSWERS_PER_PROOF === 0)
      this.#proof = session.connection?.newResumeToken() ?? (this.#proof || home.nonce());
    this.#answers++;
    home.named(session, sid);
    return encodeCursor(cursorHead(sid, this.#number, this.#proof), this.positions);
  }
}
