/**
 * The polled sessions of a worker: opens them, finds them again, and ends those whose client polls no more.
 *
 * A poll that is held long enough gets an empty answer; a session without a poll for `graceMs` ends as if its
 * connection were lost, so that it may come back for as long as any other. A cursor whose session is not here
 * makes it anew: whatever the client needs is in its cursor. Invariant: a session is held, absent or leaving,
 * and has a deadline in each.
 */
import { randomBytes } from "node:crypto";
import type { Clock, Core, ForwardedHeaders, Identity } from "@holdfast/core";
import { isSameText } from "../../runtime/same-text.js";
import type { SharedGzip } from "../http/shared-gzip.js";
import { PollFanOut } from "../polling/poll-fan-out.js";
import { WaitingSockets } from "../sockets/waiting-sockets.js";
import type { CommandFrame } from "./commands.js";
import { type Cursor, NONCE_LENGTH, resumeOf } from "./cursor.js";
import { HeldPolls, type SignedPoll } from "./held-polls.js";
import { type HeldPoll, type PollHome, PollTransport } from "./poll-transport.js";
import type { CometSessions } from "./sessions.js";

export interface PollOptions {
  /** How long a poll without news is held, ms. */
  readonly holdMs: number;
  /** How long a session may be without a poll, ms. */
  readonly graceMs: number;
  /** How long an event stream may go on without a proof that its client is there, ms; undefined: for ever. */
  readonly streamSilenceMs?: number | undefined;
}

/** What a poll asks for. */
export interface PollRequest {
  readonly cursor: Cursor | undefined;
  /** Connects like the URL of a plain client; undefined: `commands` connects. */
  readonly channels: readonly string[] | undefined;
  readonly commands: readonly CommandFrame[];
}

/** A poll that its session holds, with a deadline. */
export interface DueHeldPoll extends HeldPoll, SignedPoll {
  /** From now on this session answers it. */
  heldBy(transport: PollTransport): void;
}

/** How long a client may take to fetch what its session ends with, ms. Short: a drain closes all sessions. */
const CLOSE_TIMEOUT_MS = 5_000;

export class Polls implements PollHome {
  readonly holdMs: number;
  readonly gzip: SharedGzip | undefined;
  readonly #core: Pick<Core, "open" | "isTokenOf">;
  readonly #sessions: CometSessions;
  readonly #held: HeldPolls<DueHeldPoll>;
  readonly #absent: WaitingSockets<PollTransport>;
  readonly #leaving: WaitingSockets<PollTransport>;
  readonly #names = new Map<PollTransport, string>();
  /** What is to be called at a session's end. */
  readonly #releases = new Map<PollTransport, () => void>();
  readonly fanOut: PollFanOut<PollTransport>;

  /** `gzip`: compresses answers where clients accept it; undefined: they are plain. */
  constructor(
    core: Pick<Core, "open" | "isTokenOf">,
    sessions: CometSessions,
    options: PollOptions,
    clock: Clock,
    gzip?: SharedGzip,
  ) {
    this.gzip = gzip;
    this.#core = core;
    this.#sessions = sessions;
    this.fanOut = new PollFanOut(clock);
    this.holdMs = options.holdMs;
    this.#held = new HeldPolls(clock, options.holdMs);
    this.#absent = new WaitingSockets(clock, options.graceMs, Number.POSITIVE_INFINITY);
    this.#leaving = new WaitingSockets(clock, CLOSE_TIMEOUT_MS, Number.POSITIVE_INFINITY);
  }

  /** Polls that are held: each has a socket. */
  get held(): number {
    return this.#held.size;
  }

  /**
   * Gives a poll to its session. `absent`: it is not here, or has ended. `foreign`: the cursor is not this
   * session's.
   */
  goOn({ cursor, commands }: PollRequest, held: DueHeldPoll): "held" | "absent" | "foreign" {
    const session = cursor && this.#find(cursor);
    if (session === undefined || cursor === undefined) return "absent";
    if (session === "foreign") return "foreign";
    held.heldBy(session);
    return session.poll(cursor, commands, held) ? "held" : "absent";
  }

  flushSoon(transport: PollTransport): void {
    this.fanOut.add(transport);
  }

  holding(
    transport: PollTransport,
    held: HeldPoll | undefined,
    before: HeldPoll | undefined,
    isLeaving: boolean,
  ): void {
    if (before !== undefined) this.#held.release(before as DueHeldPoll);
    this.#absent.release(transport);
    if (held !== undefined) this.#held.add(held as DueHeldPoll);
    // Each poll brings the client further, in what it has yet to fetch.
    if (isLeaving) this.leaving(transport);
    else if (held === undefined) this.#absent.add(transport);
  }

  leaving(transport: PollTransport): void {
    this.#absent.release(transport);
    this.#leaving.release(transport);
    this.#leaving.add(transport);
  }

  named(transport: PollTransport, sid: string): void {
    const before = this.#names.get(transport);
    if (before === sid) return;
    if (before !== undefined) this.#sessions.delete(before, transport);
    this.#names.set(transport, sid);
    this.#sessions.set(sid, transport);
  }

  gone(transport: PollTransport): void {
    this.#absent.release(transport);
    this.#leaving.release(transport);
    this.#releases.get(transport)?.();
    this.#releases.delete(transport);
    const sid = this.#names.get(transport);
    if (sid === undefined) return;
    this.#names.delete(transport);
    this.#sessions.delete(sid, transport);
  }

  nonce(): string {
    return randomBytes((NONCE_LENGTH / 4) * 3).toString("base64url");
  }

  /** Answers whatever is held with nothing, so that no client waits for a worker that goes. Idempotent. */
  close(): void {
    this.#held.close();
    this.#absent.close();
    this.#leaving.close();
  }

  /**
   * Begins the session that a poll asks for, or that its cursor tells of. `release` is called once, at its
   * end; `address`: where its client comes from.
   */
  open(
    { cursor, channels, commands }: PollRequest,
    identity: Identity | undefined,
    held: DueHeldPoll,
    headers?: ForwardedHeaders,
    release?: () => void,
    address?: string,
  ): void {
    const transport = new PollTransport(this, cursor?.number, address);
    if (release !== undefined) this.#releases.set(transport, release);
    const url =
      cursor === undefined
        ? channels && { channels, mayComeBack: true }
        : {
            channels: [...cursor.positions.keys()],
            since: cursor.positions,
            resume: resumeOf(cursor),
            mayComeBack: true,
            partial: true,
          };
    held.heldBy(transport);
    transport.connection = this.#core.open(transport, "objects", url, identity, headers);
    this.named(transport, transport.connection.id);
    if (!transport.poll(undefined, commands, held)) held.drop();
    this.named(transport, transport.connection.id);
  }

  #find(cursor: Cursor): PollTransport | "foreign" | undefined {
    const { sid, token } = cursor;
    if (sid === undefined || token === undefined) return undefined;
    const session = this.#sessions.get(sid);
    if (!(session instanceof PollTransport)) return undefined;
    return isSameText(token, session.outbox.proof) || this.#core.isTokenOf(sid, token) ? session : "foreign";
  }
}
