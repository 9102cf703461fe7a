/**
 * The contract of the transport seam as a test suite: what `transport.ts` says in words, every implementation
 * must pass.
 *
 * Meant for real transports with a real other side, so nothing here assumes that anything happens at once.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Transport } from "../delivery/transport.js";

/** A transport, what the edge heard of it, and its other side. */
export interface TransportUnderTest {
  readonly transport: Transport;
  /** How often the edge told the connection that the transport has ended. */
  readonly closedCalls: number;
  /** Messages that the other side has received, as text, in order. */
  readonly received: readonly string[];
  /** How the other side saw the end; undefined until then. `code` is undefined where there was no goodbye. */
  readonly peerEnd: { readonly code?: number; readonly reason?: string } | undefined;
  /** The other side stops reading, so that what is written waits. */
  pausePeer(): void;
  resumePeer(): void;
  /** The other side ends, politely. */
  closePeer(): void;
  /** The other side is gone without a word. */
  destroyPeer(): void;
  /** Ends everything that is left. */
  dispose(): Promise<void>;
}

/** Large enough to fill what the kernels of both sides take. */
const CHUNK = "x".repeat(64 * 1024);
const MAX_CHUNKS = 1024;
const MAX_WAIT_MS = 10_000;

/** Runs the contract against `factory`, which makes a new open transport for each test. */
export function transportContract(name: string, factory: () => Promise<TransportUnderTest>): void {
  describe(`${name} keeps the transport contract`, () => {
    let pair: TransportUnderTest;
    const write = (text: string): void => pair.transport.write(pair.transport.framing.frame(text));

    beforeEach(async () => {
      pair = await factory();
    });
    afterEach(() => pair.dispose());

    test("messages arrive whole and in the order of their writes", async () => {
      const messages = Array.from({ length: 200 }, (_, i) => `{"n":${i},"text":"${"é".repeat(i * 7)}"}`);
      for (const message of messages) write(message);
      await until(() => pair.received.length >= messages.length);
      expect(pair.received).toEqual(messages);
    });

    test("several messages in one write arrive as several messages", async () => {
      const { framing } = pair.transport;
      const long = JSON.stringify("y".repeat(70_000));
      pair.transport.write(Buffer.concat([framing.frame("{}"), framing.frame(long), framing.frame('"z"')]));
      await until(() => pair.received.length >= 3);
      expect(pair.received).toEqual(["{}", long, '"z"']);
    });

    test("the same bytes may be written again: no code changes them", async () => {
      const bytes = pair.transport.framing.frame('{"shared":true}');
      const before = Buffer.from(bytes);
      pair.transport.write(bytes);
      pair.transport.write(bytes);
      await until(() => pair.received.length >= 2);
      expect(pair.received).toEqual(['{"shared":true}', '{"shared":true}']);
      expect(Buffer.compare(bytes, before)).toBe(0);
    });

    test("bufferedBytes grows while the client does not read, and is zero once all was read", async () => {
      expect(pair.transport.bufferedBytes).toBe(0);
      pair.pausePeer();
      let chunks = 0;
      while (pair.transport.bufferedBytes < CHUNK.length && chunks < MAX_CHUNKS) {
        write(CHUNK);
        chunks++;
        await turn();
      }
      expect(pair.transport.bufferedBytes).toBeGreaterThanOrEqual(CHUNK.length);
      pair.resumePeer();
      await until(() => pair.received.length >= chunks);
      await until(() => pair.transport.bufferedBytes === 0);
      expect(pair.received).toHaveLength(chunks);
    });

    test("close delivers everything written before, then code and reason", async () => {
      pair.pausePeer();
      const messages = Array.from({ length: 64 }, (_, i) => `${i} ${CHUNK}`);
      for (const message of messages) write(message);
      pair.transport.close(3000, "drain");
      pair.resumePeer();
      await until(() => pair.peerEnd !== undefined);
      expect(pair.received).toEqual(messages);
      expect(pair.peerEnd).toEqual({ code: 3000, reason: "drain" });
      await until(() => pair.closedCalls > 0);
      expect(pair.closedCalls).toBe(1);
    });

    test("after close further calls do nothing", async () => {
      write("last");
      pair.transport.close(3002, "slow");
      write("too late");
      pair.transport.ping();
      pair.transport.close(3500, "bad_frame");
      await until(() => pair.peerEnd !== undefined && pair.closedCalls > 0);
      write("much too late");
      pair.transport.ping();
      pair.transport.close(3500, "bad_frame");
      pair.transport.terminate();
      await turns();
      expect(pair.received).toEqual(["last"]);
      expect(pair.peerEnd).toEqual({ code: 3002, reason: "slow" });
      expect(pair.closedCalls).toBe(1);
    });

    test("terminate ends at once, also while the client does not read, and further calls do nothing", async () => {
      pair.pausePeer();
      for (let i = 0; i < 64; i++) write(CHUNK);
      pair.transport.terminate();
      await until(() => pair.closedCalls > 0);
      write("too late");
      pair.transport.ping();
      pair.transport.terminate();
      pair.transport.close(3000, "drain");
      await turns();
      expect(pair.closedCalls).toBe(1);
    });

    test("when the other side closes, the edge hears it once and later calls do nothing", async () => {
      pair.closePeer();
      await until(() => pair.closedCalls > 0);
      write("too late");
      pair.transport.ping();
      pair.transport.close(3000, "drain");
      pair.transport.terminate();
      await turns();
      expect(pair.received).toEqual([]);
      expect(pair.closedCalls).toBe(1);
    });

    test("when the other side is gone, the edge hears it once and later calls do nothing", async () => {
      pair.destroyPeer();
      // Some notice only when they write.
      await until(() => {
        write("anybody?");
        return pair.closedCalls > 0;
      });
      pair.transport.ping();
      pair.transport.close(3000, "drain");
      pair.transport.terminate();
      await turns();
      expect(pair.closedCalls).toBe(1);
    });

    test("when both sides close at once, the edge hears it once", async () => {
      pair.closePeer();
      pair.transport.close(3000, "drain");
      await until(() => pair.closedCalls > 0);
      await turns();
      expect(pair.closedCalls).toBe(1);
    });

    test("a ping is harmless and disturbs no message", async () => {
      write("before");
      pair.transport.ping();
      write("after");
      await until(() => pair.received.length >= 2);
      expect(pair.received).toEqual(["before", "after"]);
      expect(pair.closedCalls).toBe(0);
    });
  });
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Enough turns for what was on its way to arrive. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/**
 * Waits for what will come. Gives up before the test's own timeout would, so that nothing goes on behind it.
 */
async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + MAX_WAIT_MS;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`it did not come within ${MAX_WAIT_MS} ms`);
    await turn();
  }
}
