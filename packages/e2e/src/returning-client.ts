/**
 * A client of the SDK that checks its sequence, and notes when it was sent away and when it was back.
 */
import { ownerOf } from "@holdfast/protocol";
import { SequenceWatcher } from "./sequence-watcher.js";

/** One drain, as the client lived it; ms of `monotonicMs`. */
export interface Return {
  readonly toldAt: number;
  /** When the server wanted it back: `toldAt` and the drain's `reconnectAfter`. */
  readonly dueAt: number;
  /** Undefined: it is not back yet. */
  backAt: number | undefined;
}

/** Of an attempt: a busy machine is no failure. */
const CONNECT_MS = 60_000;

export class ReturningClient {
  readonly watcher: SequenceWatcher;
  readonly returns: Return[] = [];
  /** What went wrong, a refused handshake for one. */
  readonly problems: string[] = [];
  /** Why it was without a connection, each time. */
  readonly waits: string[] = [];
  #owner = "";

  constructor(url: string, channel: string) {
    this.watcher = new SequenceWatcher(url, channel, {
      backoff: { minDelayMs: 50, maxDelayMs: 2_000 },
      // An attempt that is given up leaves a connection behind that no client has.
      connectTimeoutMs: CONNECT_MS,
    });
    const { client } = this.watcher;
    client.on("drain", ({ reconnectAfter }) => {
      const toldAt = monotonicMs();
      this.returns.push({ toldAt, dueAt: toldAt + reconnectAfter, backAt: undefined });
    });
    client.on("error", ({ message }) => this.problems.push(message));
    client.on("state", (state) => {
      if (state.name === "waiting") this.waits.push(`${state.code} ${state.reason}`);
      if (state.name !== "connected") return;
      const owner = ownerOf(state.sid);
      this.#owner = `${owner?.slot}:${owner?.generation}`;
      const last = this.returns.at(-1);
      if (last !== undefined) last.backAt ??= monotonicMs();
    });
  }

  /** The worker that holds it, or held it last. */
  get owner(): string {
    return this.#owner;
  }

  get isConnected(): boolean {
    return this.watcher.state === "connected";
  }

  close(): void {
    this.watcher.close();
  }
}

/** The machine's monotonic clock, which all its processes share. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Opens a client at each place, so many handshakes at once, until all are subscribed. */
export async function gather(
  places: readonly { readonly url: string; readonly channel: string }[],
  inFlight: number,
): Promise<readonly ReturningClient[]> {
  const clients: ReturningClient[] = [];
  const waiting = [...places];
  const opener = async (): Promise<void> => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      const client = new ReturningClient(place.url, place.channel);
      clients.push(client);
      await client.watcher.start();
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, opener));
  } catch (error) {
    for (const client of clients) client.close();
    throw error;
  }
  return clients;
}
