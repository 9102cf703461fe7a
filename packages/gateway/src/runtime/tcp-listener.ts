/**
 * A listener that can pause: while it does, the kernel's backlog holds new connections.
 *
 * Node cannot stop accepting without closing the listening socket, which would reset all connections in its
 * backlog. A second descriptor of the same socket keeps it alive: made by sending the handle to a worker,
 * which sends it straight back (`CopyListenHandle` in messages.ts). Pausing closes the descriptor that
 * accepts; resuming accepts on the copy, and the next pause needs another. Invariants: at most one descriptor
 * accepts; the socket lives from `open` to `close`.
 */
import { type ListenHandle, type ListenOptions, openListenHandle, type TcpHandle } from "./tcp-handle.js";

type State =
  /** `copy` is undefined until one has come. */
  | { readonly t: "accepting"; readonly handle: ListenHandle; readonly copy: ListenHandle | undefined }
  | { readonly t: "paused"; readonly copy: ListenHandle }
  | { readonly t: "closed" };

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
    this.#state = { t: "accepting", handle, copy: undefined };
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
    return this.#state.t === "accepting" && this.#state.copy === undefined ? this.#state.handle : undefined;
  }

  get paused(): boolean {
    return this.#state.t === "paused";
  }

  /** Takes a second descriptor of the same socket. */
  copied(copy: ListenHandle): void {
    if (this.#state.t === "accepting" && this.#state.copy === undefined)
      this.#state = { ...this.#state, copy };
    else copy.close();
  }

  /** Leaves who comes to the kernel. False without a copy: then it goes on accepting. */
  pause(): boolean {
    if (this.#state.t !== "accepting" || this.#state.copy === undefined) return false;
    const { handle, copy } = this.#state;
    this.#state = { t: "paused", copy };
    handle.close();
    return true;
  }

  resume(): void {
    if (this.#state.t !== "paused") return;
    const { copy } = this.#state;
    this.#state = { t: "accepting", handle: copy, copy: undefined };
    this.#acceptOn(copy);
    copy.listen(this.#backlog);
  }

  /** Stops listening; accepted connections live on. Idempotent. */
  close(): void {
    const last = this.#state;
    this.#state = { t: "closed" };
    if (last.t === "accepting") last.handle.close();
    if (last.t !== "closed") last.copy?.close();
  }

  #acceptOn(handle: ListenHandle): void {
    handle.onconnection = (_status, accepted) => this.#accept(accepted);
  }
}
