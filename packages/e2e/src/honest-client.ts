/**
 * A client that does what the protocol asks of a returning client: full-jitter backoff, Retry-After as a
 * floor, its last session id in the URL, one attempt at a time.
 *
 *     away ──attempt──► connecting ──welcome──► connected
 *     (any ending leads back to away, close() to closed)
 *
 * On bare sockets, so that one process can hold thousands. Invariant: it never gives up and never hurries.
 */
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { within } from "./deadline.js";
import { RawRefusal, RawSocket } from "./raw-socket.js";
import type { SeededRandom } from "./seeded-random.js";

export type HonestState = "away" | "connecting" | "connected" | "closed";

/** An attempt that was refused with a status or ended without a welcome, or a connection that was lost. */
export type Setback = number | "unanswered" | "lost";

/** As the SDK's default. */
const CONNECT_MS = 10_000;

export class HonestClient {
  /** In order. */
  readonly setbacks: Setback[] = [];
  /** The last message that came. */
  lastMessage = "";
  readonly #url: (sid: string | undefined) => string;
  readonly #random: SeededRandom;
  readonly #changed: () => void;
  #state: HonestState = "away";
  #socket: RawSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sid: string | undefined;
  #failedAttempts = 0;
  #welcomed: () => void = () => {};

  /**
   * Makes its first attempt at once. `url` names channels; `changed` is told of every change of the state.
   */
  constructor(url: (sid: string | undefined) => string, random: SeededRandom, changed: () => void) {
    this.#url = url;
    this.#random = random;
    this.#changed = changed;
    void this.#attempt();
  }

  get state(): HonestState {
    return this.#state;
  }

  /** Idempotent. */
  close(): void {
    this.#enter("closed");
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  async #attempt(): Promise<void> {
    this.#enter("connecting");
    let notBefore = 0;
    let since: number | undefined;
    try {
      const welcomed = new Promise<void>((resolve) => {
        this.#welcomed = resolve;
      });
      const socket = await RawSocket.open(this.#url(this.#sid), {
        handshakeMs: CONNECT_MS,
        onMessage: (text) => this.#received(text),
      });
      this.#socket = socket;
      if (this.#isClosed()) return socket.destroy();
      const lost = socket.closed.then(() => Promise.reject(new Error("closed before the welcome")));
      await within(Promise.race([welcomed, lost]), "a welcome", CONNECT_MS);
      this.#enter("connected");
      since = performance.now();
      await socket.closed;
      if (!this.#isClosed()) this.setbacks.push("lost");
    } catch (error) {
      this.#socket?.destroy();
      if (error instanceof RawRefusal) notBefore = error.retryAfterMs;
      this.setbacks.push(error instanceof RawRefusal ? error.status : "unanswered");
    }
    this.#socket = undefined;
    if (this.#isClosed()) return;
    this.#enter("away");
    const stable = since !== undefined && performance.now() - since >= BACKOFF_DEFAULTS.stableAfterMs;
    if (stable) this.#failedAttempts = 0;
    const delayMs = backoffDelay(this.#failedAttempts++, this.#random.next(), notBefore);
    this.#timer = setTimeout(() => void this.#attempt(), delayMs);
  }

  #received(text: string): void {
    this.lastMessage = text;
    if (this.#state !== "connecting") return;
    const sid = /^\{"connect":.*"sid":"([\w-]{20})"/.exec(text)?.[1];
    if (sid === undefined) return;
    this.#sid = sid;
    this.#welcomed();
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #enter(state: HonestState): void {
    if (this.#isClosed()) return;
    this.#state = state;
    this.#changed();
  }
}
