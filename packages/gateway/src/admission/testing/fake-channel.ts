/**
 * A worker's IPC channel without a process: keeps what is sent on it; the test answers for the worker.
 */
import type { Worker } from "node:cluster";
import { EventEmitter } from "node:events";
import { decodeTravel } from "../../link/hand-off-message.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";

export class FakeChannel {
  readonly sent: { readonly head: string; readonly handle: TcpHandle }[] = [];
  readonly #process = new EventEmitter();

  /** As `HandOffs` sees it. */
  get worker(): Pick<Worker, "process"> {
    const send = (message: string, handle: TcpHandle): void => {
      if ((handle as { closed?: boolean }).closed) throw new Error("a closed handle was sent");
      this.sent.push({ head: decodeTravel(message)?.head ?? "", handle });
    };
    return { process: Object.assign(this.#process, { send }) } as unknown as Pick<Worker, "process">;
  }

  /** The worker has received what is under way. */
  acknowledge(): void {
    this.#process.emit("internalMessage", { cmd: "NODE_HANDLE_ACK" });
  }

  /** The worker received a message without its handle. */
  refuse(): void {
    this.#process.emit("internalMessage", { cmd: "NODE_HANDLE_NACK" });
  }

  /** Something else of Node's own. */
  other(): void {
    this.#process.emit("internalMessage", { cmd: "NODE_CLUSTER" });
  }
}
