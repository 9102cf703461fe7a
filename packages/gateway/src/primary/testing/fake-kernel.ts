/**
 * A listening socket without a kernel: connections wait in a backlog until a descriptor that listens accepts
 * them.
 */
import type { FakeHandle } from "../../admission/testing/fake-handle.js";
import type { ListenHandle } from "../../runtime/tcp-handle.js";

export class FakeKernel {
  readonly backlog: FakeHandle[] = [];
  accepted = 0;
  readonly #accepting = new Set<ListenHandle>();

  /** As `openListenHandle` of tcp-handle.ts. */
  readonly open = async (): Promise<{ handle: ListenHandle; port: number }> => {
    const handle = this.descriptor();
    this.#accepting.add(handle);
    return { handle, port: 1 };
  };

  /** One more descriptor of the socket; it accepts once it listens. */
  descriptor(): ListenHandle {
    const kernel = this;
    const handle = {
      onconnection: () => {},
      listen(): number {
        kernel.#accepting.add(handle);
        return 0;
      },
      close(): void {
        kernel.#accepting.delete(handle);
      },
    } as unknown as ListenHandle;
    return handle;
  }

  /** Turns of the event loop, until nothing is accepted any more. */
  run(): void {
    while (this.#accepting.size > 0 && this.backlog.length > 0) {
      for (const handle of this.#accepting) {
        const client = this.backlog.shift();
        if (client === undefined) return;
        this.accepted++;
        handle.onconnection(0, client);
      }
    }
  }

  /** The system could not accept one. */
  exhausted(): void {
    for (const handle of this.#accepting) return handle.onconnection(-24, undefined);
  }
}
