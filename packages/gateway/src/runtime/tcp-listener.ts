/**
 * A listener that can pause: while it does, the kernel's backlog holds new connections.
 *
 * Node cannot stop accepting without closing the listening socket, which would reset all connections in its
 * backlog. A second descriptor of the same socket keeps it alive: made by sending the handle to a worker,
 * which sends it straight back (`copy` in hand-off-message.ts). Pausing closes the descriptors that
 * accept; resuming accepts on the copy, and the next pause needs another.
 *
 * More copies accept, too. The event loop takes one connection a turn from each descriptor, and a turn of a
 * storm is long: with one, the kernel's queue fills and drops whom it cannot hold
 * (docs/adr/0072-several-accepts-a-turn.md). Invariants: at most `ACCEPTING` descriptors accept, and one more
 * waits; the socket lives from `open` to `close`.
 */
import { type ListenHandle, type ListenOptions, openListenHandle, type TcpHandle } from "./tcp-handle.js";

type State =
  /** `spare`: the copy that keeps the socket in a pause; undefined until one has come. */
  | { readonly t: "accepting"; readonly handles: ListenHandle[]; readonly spare: ListenHandle | undefined }
  | { readonly t: "paused"; readonly spare: ListenHandle }
  | { readonly t: "closed" };

/** Connections taken in one turn of the event loop, at most. */
export const ACCEPTING = 4;

export class TcpListener {
  readonly port: number;
  readonly #backlog: number;
  readonly #accept: (handle: TcpHandle | undefined) => void;
  #state: State;

  private constructor(
    handle: ListenHandle,
    port: number,
    backlog: number,
    accept: (handle: TcpHandle | undefined) => void,
  ) {
    this.port = port;
    this.#backlog = backlog;
    this.#accept = accept;
    this.#state = { t: "accepting", handles: [handle], spare: undefined };
    this.#acceptOn(handle);
  }

  /**
   * Listens. `accept` gets each connection unread, or undefined when the system could not accept one; out of
   * descriptors libuv closes, on Linux, what it cannot take without a word, so that limits have to be kept
   * before. Rejects with the system's error.
   */
  static async open(
    options: ListenOptions,
    accept: (handle: TcpHandle | undefined) => void,
    openHandle = openListenHandle,
  ): Promise<TcpListener> {
    const { handle, port } = await openHandle(options);
    return new TcpListener(handle, port, options.backlog, accept);
  }

  /** The handle to be copied, while a copy is missing. */
  get uncopied(): ListenHandle | undefined {
    if (this.#state.t !== "accepting") return undefined;
    const { handles, spare } = this.#state;
    return spare === undefined || handles.length < ACCEPTING ? handles[0] : undefined;
  }

  get paused(): boolean {
    return this.#state.t === "paused";
  }

  /** Takes another descriptor of the same socket: the first is the spare one, those that follow accept. */
  copied(copy: ListenHandle): void {
    if (this.#state.t !== "accepting") return copy.close();
    const { handles, spare } = this.#state;
    if (spare === undefined) this.#state = { ...this.#state, spare: copy };
    else if (handles.length < ACCEPTING) {
      handles.push(copy);
      this.#acceptOn(copy);
      copy.listen(this.#backlog);
    } else copy.close();
  }

  /** Leaves who comes to the kernel. False without a copy: then it goes on accepting. */
  pause(): boolean {
    if (this.#state.t !== "accepting" || this.#state.spare === undefined) return false;
    const { handles, spare } = this.#state;
    this.#state = { t: "paused", spare };
    for (const handle of handles) handle.close();
    return true;
  }

  resume(): void {
    if (this.#state.t !== "paused") return;
    const { spare } = this.#state;
    this.#state = { t: "accepting", handles: [spare], spare: undefined };
    this.#acceptOn(spare);
    spare.listen(this.#backlog);
  }

  /** Stops listening; accepted connections live on. Idempotent. */
  close(): void {
    const last = this.#state;
    this.#state = { t: "closed" };
    if (last.t === "accepting") for (const handle of last.handles) handle.close();
    if (last.t !== "closed") last.spare?.close();
  }

  #acceptOn(handle: ListenHandle): void {
    handle.onconnection = (_status, accepted) => this.#accept(accepted);
  }
}
