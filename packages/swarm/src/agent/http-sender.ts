/**
 * Messages that comet clients send: one short connection each (`POST /send`), beside the one on which they
 * hear.
 *
 * A browser would keep that second connection for a while; here each send pays for opening one, and no
 * client's session is asked for on another's connection. Invariant: at most `MAX_UNDER_WAY` at once, each
 * settled by its answer, its end or its timeout, and each told once.
 */
import { readHttpHead } from "./http-answer.js";
import { type OutgoingHandle, TcpClient, type TcpEvents } from "./tcp-client.js";
import { latin1 } from "./wire.js";

/** With the connections it stays below the open files that the plan counts with (20,000). */
const MAX_UNDER_WAY = 1_024;
const TIMEOUT_MS = 30_000;

interface Errand {
  readonly handle: OutgoingHandle;
  readonly request: string;
  readonly begunMs: number;
}

/** `why` is undefined when it was taken. `ms` is from the beginning of its connection. */
export type OnSent = (why: string | undefined, ms: number) => void;

export class HttpSender implements TcpEvents {
  readonly #now: () => number;
  readonly #told: OnSent;
  readonly #errands = new Map<number, Errand>();
  #tcp: TcpClient | undefined;
  #next = 0;

  private constructor(now: () => number, told: OnSent) {
    this.#now = now;
    this.#told = told;
  }

  static async create(now: () => number, told: OnSent): Promise<HttpSender> {
    const sender = new HttpSender(now, told);
    sender.#tcp = await TcpClient.create(sender);
    return sender;
  }

  get underWay(): number {
    return this.#errands.size;
  }

  /** Sends `request`. */
  send(request: string, source: string | undefined, host: string, port: number): void {
    if (this.#errands.size >= MAX_UNDER_WAY) return this.#told("too many at once", 0);
    const number = this.#next++;
    const handle = this.#tcp?.open(number, source, host, port);
    if (typeof handle !== "object") return this.#told(handle ?? "not ready", 0);
    this.#errands.set(number, { handle, request, begunMs: this.#now() });
  }

  /** Ends those that take too long. They began in the order in which they stand. */
  tick(): void {
    const now = this.#now();
    for (const [number, { begunMs }] of this.#errands) {
      if (now - begunMs < TIMEOUT_MS) return;
      this.#settle(number, `no answer in ${TIMEOUT_MS / 1000} s`);
    }
  }

  close(): void {
    for (const { handle } of this.#errands.values()) if (handle.reset() !== 0) handle.close();
    this.#errands.clear();
  }

  opened(handle: OutgoingHandle, error: string | undefined): void {
    const errand = this.#errands.get(handle.seat);
    if (errand === undefined) return;
    if (error !== undefined) return this.#settle(handle.seat, error);
    this.#tcp?.read(handle);
    handle.setNoDelay(true);
    if (this.#tcp?.write(handle, errand.request) !== true) this.#settle(handle.seat, "reset");
  }

  /** The status is all that matters: heads come whole. */
  received(handle: OutgoingHandle, bytes: Uint8Array<ArrayBuffer>): void {
    const head = readHttpHead(latin1(bytes, 0, bytes.length));
    if (head.is === "head")
      this.#settle(handle.seat, head.status === 200 ? undefined : `HTTP ${head.status}`);
    else this.#settle(handle.seat, "not HTTP");
  }

  ended(handle: OutgoingHandle): void {
    this.#settle(handle.seat, "closed without an answer");
  }

  #settle(number: number, why: string | undefined): void {
    const errand = this.#errands.get(number);
    if (errand === undefined) return;
    this.#errands.delete(number);
    // No TIME_WAIT: the ports of a source address are few.
    if (errand.handle.reset() !== 0) errand.handle.close();
    this.#told(why, this.#now() - errand.begunMs);
  }
}
