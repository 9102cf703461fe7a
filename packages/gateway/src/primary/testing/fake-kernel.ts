/**
 * A listening socket without a kernel: connections wait in a backlog until a descriptor that listens accepts
 * them.
 */
import type { FakeHandle } from "../../admission/testing/fake-handle.js";
import type { ListenHandle } from "../../runtime/tcp-handle.js";

export class FakeKernel {
  readonly backlog: FakeHandle[] = [];
  accepted = 0;
  #accepting: ListenHandle | undefined;

  /** As `openListenHandle` of tcp-handle.ts. */
  readonly open = async (): Promise<{ handle: ListenHandle; port: number }> => {
    const handle = this.descriptor();
    this.#accepting = handle;
    return { handle, port: 1 };
  };

  /** One more descriptor of the socket; it accepts once it listens. */
  descriptor(): ListenHandle {
    const kernel = this;
    const handle = {
      onconnection: () => {},
      listen(): number {
        kernel.#accepting = handle;
        return 0;
      },
      close(): void {
        if (kernel.#accepting === handle) kernel.#accepting = undefined;
      },
    } as unknown as ListenHandle;
    return handle;
  }

  /** Turns of the event loop, until nothing is accepted any more. */
  run(): void {
    while (this.#accepting !== undefined && this.backlog.length > 0) {
      this.accepted++;
      this.#accepting.onconnection(0, this.backlog.shift());
    }
  }

  /** The system could not accept one. */
  exhausted(): void {
    this.#accepting?.onconnection(-24, undefined);
  }
}
