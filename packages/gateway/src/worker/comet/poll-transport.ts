/**
 * The transport of long-poll: one session whose client fetches what there is, again and again.
 *
 *     absent ⇄ held (a request waits for something to say)
 *     both ──core's close──► closing ──last batch taken──► ended
 *
 * Each answer that says anything is a batch with a number (`PollOutbox`), which counts as waiting until the
 * next poll acknowledges it. Invariants: at most one poll is held; `Connection#closed` is called once, and
 * never during another call to the transport.
 */
import type { Connection, Framing, Transport } from "@holdfast/core";
import { disconnects, type Position } from "@holdfast/protocol";
import type { PartedBody } from "../http/parted-body.js";
import type { SharedGzip } from "../http/shared-gzip.js";
import { type CommandFrame, carryOut } from "./commands.js";
import type { Cursor } from "./cursor.js";
import { PollFraming } from "./poll-framing.js";
import { type AnswerHome, PollOutbox } from "./poll-outbox.js";
import type { CometSession } from "./sessions.js";

export type PollConnection = Pick<
  Connection,
  "id" | "receive" | "alive" | "spend" | "closed" | "disconnect" | "newResumeToken"
>;

/** A request that waits for an answer. */
export interface HeldPoll {
  /** `gzip`: the same as gzip, where that is shorter; undefined where answers are not compressed. */
  answer(answer: PartedBody, gzip?: () => Buffer | undefined): void;
  /** Its session goes on elsewhere: with a newer poll, or in another transport. */
  supersede(): void;
  /** Its session has ended without a word. */
  drop(): void;
}

/** What all polled sessions of a worker share. */
export interface PollHome extends AnswerHome<PollTransport> {
  /** Undefined: answers are not compressed. */
  readonly gzip: SharedGzip | undefined;
  /** Calls `flush` at the end of this turn of the loop. */
  flushSoon(transport: PollTransport): void;
  /** A poll is held now, or no more. `isLeaving`: the session should end soon. */
  holding(
    transport: PollTransport,
    held: HeldPoll | undefined,
    before: HeldPoll | undefined,
    isLeaving: boolean,
  ): void;
  /** It should end soon. Called once. */
  leaving(transport: PollTransport): void;
  /** Called once. */
  gone(transport: PollTransport): void;
}

const FRAMING = new PollFraming();

type State = "open" | { readonly t: "closing"; readonly code: number; readonly reason: string } | "ended";

export class PollTransport implements Transport, CometSession {
  /** Set once, before anything can arrive. */
  connection: PollConnection | undefined = undefined;
  readonly outbox: PollOutbox;
  readonly #home: PollHome;
  #state: State = "open";
  #held: HeldPoll | undefined;
  #lastCommand = 0;
  readonly #address: string | undefined;

  /**
   * `number`: of the batch that the client has, where it comes back; `address`: where its first request came
   * from.
   */
  constructor(home: PollHome, number = 0, address?: string) {
    this.#home = home;
    this.#address = address;
    this.outbox = new PollOutbox(number);
  }

  clientAddress(): string | undefined {
    return this.#address;
  }

  get framing(): Framing {
    return FRAMING;
  }

  get bufferedBytes(): number {
    return this.outbox.unacknowledgedBytes;
  }

  write(frames: Uint8Array): void {
    if (this.#state !== "open") return;
    this.outbox.write(frames, FRAMING.endings(frames));
    this.#flushSoon();
  }

  /** A client that is gone sends no further poll, which is noticed sooner than a ping would. */
  ping(): void {
    if (this.#state === "open") this.connection?.alive();
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    // A client that was told to come back later does so, with its cursor, and not here.
    if (this.#held === undefined && this.outbox.isAwaitedLater) return this.terminate();
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
    this.outbox.clear();
    queueMicrotask(() => {
      this.#home.gone(this);
      this.connection?.closed();
    });
  }

  setRetryDelay(afterMs: number): void {
    this.outbox.waitMs = afterMs;
  }

  subscribed(positions: ReadonlyMap<string, Position | undefined>): void {
    if (this.#state === "open") this.outbox.subscribed(positions);
  }

  unsubscribed(channel: string): void {
    if (this.#state === "open") this.outbox.unsubscribed(channel);
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

  /**
   * A poll of this session. False when it stands where this session cannot go on from; the session ends then.
   */
  poll(
    cursor: Pick<Cursor, "number"> | undefined,
    commands: readonly CommandFrame[],
    held: HeldPoll,
  ): boolean {
    if (this.#state === "ended") return false;
    const acknowledged = this.outbox.acknowledge(cursor?.number);
    if (acknowledged === "elsewhere") {
      this.supersede();
      return false;
    }
    this.#held?.supersede();
    this.#hold(held);
    if (acknowledged === "next" && typeof this.#state === "object" && this.outbox.isEmpty) {
      // The last batch has arrived: there is nothing more to say.
      this.#hold(undefined);
      this.terminate();
      return false;
    }
    this.take(commands);
    if (this.outbox.hasNews) this.#flushSoon();
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
    const held = this.#held;
    if (held === undefined || this.#state === "ended") return;
    if (!this.outbox.hasNews && this.#state === "open" && !evenNothing) return;
    this.#hold(undefined);
    const { gzip } = this.#home;
    const answer = this.outbox.answer(this, this.#state === "open" ? undefined : this.#state, this.#home);
    held.answer(answer, gzip && (() => gzip.compress(answer, (elements) => FRAMING.compressFrom(elements))));
  }

  #flushSoon(): void {
    if (this.#held !== undefined) this.#home.flushSoon(this);
  }

  #hold(held: HeldPoll | undefined): void {
    const before = this.#held;
    this.#held = held;
    this.#home.holding(this, held, before, this.#state !== "open");
  }
}
