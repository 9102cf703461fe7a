/**
 * The writing half of a WebSocket of the `ws` package, and its end.
 *
 *     open ──refused──► held ──later──► closing
 *     open ──our close──► closing ──theirs, or a violation──► ending ──► closed
 *      └────────────their close, a violation, or their FIN────────┘
 *
 * The states and words are those of `worker/websocket/transport.ts`. Everything but `open` has a deadline
 * (`LibraryEngine`). Invariants: nothing follows our close frame; `Connection#closed` is called once, and
 * never during another call to the transport.
 */
import type { FrameRun, Framing, Metrics } from "@holdfast/core";
import { mayReconnect } from "@holdfast/protocol";
import type { ReadBudget } from "../../runtime/read-budget.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import type { WaitingSocket } from "../sockets/waiting-sockets.js";
import type { SocketConnection } from "../websocket/transport.js";
import type { FrameCourse } from "./frame-course.js";
import type { LibrarySocket } from "./library-socket.js";

/** What all transports of a worker share. */
export interface LibraryHome {
  readonly budget: ReadBudget;
  readonly unfinished: UnfinishedMessages;
  /** What compressed messages of clients cost is counted here. */
  readonly metrics: Pick<Metrics, "add">;
  /** Bytes of one message from a client. */
  readonly maxPayload: number;
  /** Follows the segments of clients that have no unfinished message. */
  course: FrameCourse;
  /** Calls `say` now, or later where refusals come fast. Called once. */
  refuse(transport: WaitingSocket, say: () => void): void;
  /** What waits to be said is said now. */
  hurry(transport: WaitingSocket): void;
  /** It should end soon. Called once. */
  leaving(transport: WaitingSocket): void;
  /** Its socket is closed. Called once. */
  gone(transport: WaitingSocket): void;
}

type State = "open" | "held" | "closing" | "ending" | "closed";

export abstract class LibraryWriter implements WaitingSocket {
  /** Set once, before anything can arrive; unset when the socket is gone. */
  connection: SocketConnection | undefined = undefined;
  /** Shared by all that agreed on the same compression, or on none. */
  readonly framing: Framing;
  protected readonly home: LibraryHome;
  protected readonly library: LibrarySocket;
  #state: State = "open";

  constructor(library: LibrarySocket, framing: Framing, home: LibraryHome) {
    this.library = library;
    this.framing = framing;
    this.home = home;
  }

  get bufferedBytes(): number {
    return this.#state === "closed" ? 0 : this.library.waitingBytes;
  }

  get destroyed(): boolean {
    return this.#state === "closed";
  }

  destroy(): void {
    this.terminate();
  }

  write(frames: Uint8Array): void {
    if (this.#state === "open") this.library.put(frames);
  }

  writeRun({ joined }: FrameRun): void {
    this.write(joined);
  }

  ping(): void {
    if (this.#state === "open") this.library.putPing();
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    if (mayReconnect(code)) return this.#sayGoodbye(code, reason);
    this.#state = "held";
    this.home.refuse(this, () => {
      if (this.#state === "held") this.#sayGoodbye(code, reason);
    });
  }

  terminate(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.dropInput();
    this.library.terminate();
  }

  hasClosed(): void {
    this.#state = "closed";
    this.dropInput();
    const { connection } = this;
    this.connection = undefined;
    this.home.gone(this);
    connection?.closed();
  }

  /** What has come of a message that is not complete is of no use any more. Idempotent. */
  protected abstract dropInput(): void;

  protected get isOpen(): boolean {
    return this.#state === "open";
  }

  /** While our own close frame waits for an answer, too. */
  protected get isReading(): boolean {
    return this.#state === "open" || this.#state === "held" || this.#state === "closing";
  }

  /** The close frame of the side that begins is said back as it is. */
  protected answerClose(code: number | undefined, reason: Buffer): void {
    if (this.#state === "open" || this.#state === "held") this.#sayGoodbye(code, reason);
    this.end();
  }

  /** The client sends nothing more; what waits may still be of use to it. */
  protected inputHasEnded(): void {
    this.#sayHeld();
    if (this.#state === "open") this.home.leaving(this);
  }

  /** Ends our side behind all that waits. */
  protected end(): void {
    this.#sayHeld();
    if (!this.isReading) return;
    this.#state = "ending";
    this.dropInput();
    this.library.finish();
  }

  #sayHeld(): void {
    if (this.#state === "held") this.home.hurry(this);
  }

  #sayGoodbye(code: number | undefined, reason: string | Buffer): void {
    this.#state = "closing";
    this.library.sayClose(code, reason);
    this.home.leaving(this);
  }
}
