/**
 * Errors of the sockets that ioredis makes. None may end the process, and errors of a TLS handshake are
 * reported.
 *
 * ioredis listens to the first error of a socket only. A TLS socket that is ended during its handshake emits
 * several, and the second one is an unhandled error event. ioredis also makes clients of its own (for
 * Sentinels, and one that subscribes in each Cluster). No other code can reach their sockets, and ioredis
 * replaces their errors by "Connection is closed.". All these sockets come from connectors, which keep the
 * socket in `stream`. Each gets a listener there that stays and reports to the `Handshakes` that came with
 * its TLS options. Invariant: other reasons are still reported by the client's own events (ADR 0030).
 */
import type { Socket } from "node:net";
import { AbstractConnector } from "ioredis";

const STREAM = Symbol("stream");
const HANDSHAKES = Symbol("handshakes");

interface Connector {
  readonly options?: { readonly tls?: { readonly [HANDSHAKES]?: Handshakes } };
  [STREAM]?: Socket | null;
}

/** The TLS handshakes of one link, whichever of its clients they are of. */
export class Handshakes {
  #problem: string | undefined;

  /** TLS options for ioredis, by which a socket finds the way here. */
  get tlsOptions(): object {
    return { [HANDSHAKES]: this };
  }

  /** A reason with the cause that ioredis has left out of it: why the last handshake failed. */
  explain(reason: string): string {
    const problem = this.#problem;
    return problem === undefined || reason.includes(problem) ? reason : `${reason} (TLS: ${problem})`;
  }

  watch(stream: Socket): void {
    let isDone = false;
    stream.once("secureConnect", () => {
      isDone = true;
      this.#problem = undefined;
    });
    stream.once("error", ({ message }: Error) => {
      if (!isDone) this.#problem = message;
    });
  }
}

/** From now on every socket of ioredis has a listener for its errors. Idempotent. */
export function hearStreamErrors(prototype: object = AbstractConnector.prototype): void {
  if (Object.getOwnPropertyDescriptor(prototype, "stream") !== undefined) return;
  Object.defineProperty(prototype, "stream", {
    configurable: true,
    get(this: Connector) {
      return this[STREAM];
    },
    set(this: Connector, stream: Socket | null) {
      stream?.on("error", ignore);
      if (stream) this.options?.tls?.[HANDSHAKES]?.watch(stream);
      this[STREAM] = stream;
    },
  });
}

function ignore(): void {}
