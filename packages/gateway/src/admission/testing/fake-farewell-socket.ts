/**
 * The socket of a lingering close, without a peer: keeps what it was told.
 */
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import type { LingeringSocket } from "../lingering-closes.js";

export class FakeLingeringSocket implements LingeringSocket {
  readonly handle: TcpHandle;
  answer: string | undefined;
  destroyed = false;
  reading = false;
  readonly #listeners: { readonly event: string; readonly run: () => void }[] = [];

  constructor(handle: TcpHandle) {
    this.handle = handle;
  }

  on(event: "error" | "close", run: () => void): void {
    this.#listeners.push({ event, run });
  }

  resume(): void {
    this.reading = true;
  }

  end(text: string): void {
    this.answer = text;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.handle.close();
    this.emit("close");
  }

  /** What the peer causes. */
  emit(event: "error" | "close"): void {
    for (const listener of this.#listeners) if (listener.event === event) listener.run();
  }
}
