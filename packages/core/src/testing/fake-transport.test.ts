/**
 * The double keeps the contract of what it doubles; and the contract can be kept.
 */
import { FakeTransport } from "./fake-transport.js";
import { type TransportUnderTest, transportContract } from "./transport-contract.js";

/** A fake transport joined to a reader, which takes each write a turn later. */
class Pair implements TransportUnderTest {
  readonly transport = new FakeTransport();
  readonly received: string[] = [];
  closedCalls = 0;
  peerEnd: { code?: number; reason?: string } | undefined;
  #paused = false;
  #taken = 0;

  constructor() {
    this.transport.onWrite = () => {
      this.transport.bufferedBytes += this.transport.writes.at(-1)?.length ?? 0;
    };
    this.#turn();
  }

  pausePeer(): void {
    this.#paused = true;
  }

  resumePeer(): void {
    this.#paused = false;
  }

  closePeer(): void {
    this.transport.end ??= { by: "terminate" };
  }

  destroyPeer(): void {
    this.closePeer();
  }

  async dispose(): Promise<void> {
    this.closedCalls ||= 1;
  }

  #turn(): void {
    const { end, writes, framing } = this.transport;
    if (!this.#paused) {
      for (; this.#taken < writes.length; this.#taken++)
        this.received.push(...framing.messages(writes[this.#taken] ?? new Uint8Array()));
      this.transport.bufferedBytes = 0;
    }
    const done = end?.by === "terminate" || (end !== undefined && !this.#paused);
    if (done) {
      this.peerEnd = end.by === "close" ? { code: end.code, reason: end.reason } : {};
      this.closedCalls++;
    } else if (this.closedCalls === 0) setImmediate(() => this.#turn());
  }
}

transportContract("FakeTransport", async () => new Pair());
