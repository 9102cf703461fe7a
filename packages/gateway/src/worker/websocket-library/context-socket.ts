/**
 * A WebSocket whose compression keeps context from message to message (`compression: dedicated`).
 *
 * Each message is compressed for this connection alone, by the library, on Node's thread pool; what is sent
 * meanwhile waits in the library, control frames included. Invariants: order is that of the calls; our side
 * ends behind the last message that is still being compressed.
 */
import { LibrarySocket } from "./library-socket.js";
import { messagesIn } from "./marked-frames.js";

export class ContextSocket extends LibrarySocket {
  /** Messages that the socket has not taken yet. */
  #unsent = 0;
  #whenSent: (() => void) | undefined = undefined;
  #ends = false;
  readonly #sent = (): void => {
    if (--this.#unsent > 0) return;
    const then = this.#whenSent;
    this.#whenSent = undefined;
    then?.();
    if (this.#ends) super.finish();
  };

  override get waitingBytes(): number {
    return this.bufferedAmount;
  }

  override put(frames: Uint8Array): void {
    if (this.socket?.writable !== true) return;
    for (const { payload, isBinary, mayCompress } of messagesIn(frames)) {
      this.#unsent++;
      this.send(payload, { binary: isBinary, compress: mayCompress, fin: true }, this.#sent);
    }
  }

  override finish(): void {
    if (this.#unsent === 0) super.finish();
    else this.#ends = true;
  }

  /** Both directions keep context, which the next message needs. */
  override dropInflater(): void {}

  protected override whenTaken(then: () => void): void {
    if (this.#unsent === 0) super.whenTaken(then);
    else this.#whenSent = then;
  }
}
