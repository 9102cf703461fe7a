/**
 * The contract of the transport seam as a test suite: what `transport.ts` says in words, every implementation
 * must pass.
 *
 * Meant for real transports with a real other side, so nothing here assumes that anything happens at once.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { frameMessage, type Transport } from "../delivery/transport.js";

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

/** What a transport is tried with. */
export interface TransportTrial {
  /** Messages are binary, with the bytes of the text. */
  readonly isBinary?: boolean;
}

/** Large enough to fill what the kernels of both sides take, also where it is compressed. */
const CHUNK = noise(64 * 1024);
const MAX_CHUNKS = 1024;
const MAX_WAIT_MS = 10_000;

/** The transport of the test that runs. */
interface Pairs {
  pair(): TransportUnderTest;
  /** One message as bytes. */
  frame(text: string): Uint8Array;
  /** Writes one message. */
  write(text: string): void;
}

/** Runs the contract against `factory`, which makes a new open transport for each test. */
export function transportContract(
  name: string,
  factory: () => Promise<TransportUnderTest>,
  { isBinary = false }: TransportTrial = {},
): void {
  describe(`${name} keeps the transport contract`, () => {
    let pair: TransportUnderTest;
    beforeEach(async () => {
      pair = await factory();
    });
    afterEach(() => pair.dispose());
    const frame = (text: string): Uint8Array => {
      const { framing } = pair.transport;
      return frameMessage(framing, isBinary ? Buffer.from(text) : text);
    };
    const use: Pairs = { pair: () => pair, frame, write: (text) => pair.transport.write(frame(text)) };
    keepsMessagesWhole(use);
    countsWhatWaits(use);
    deliversBeforeItCloses(use);
    hearsTheEndOnce(use);
    pingsWithoutHarm(use);
  });
}

/** Messages arrive whole, in order, and their bytes can be shared. */
function keepsMessagesWhole(use: Pairs): void {
  test("messages arrive whole and in the order of their writes", async () => {
    const messages = Array.from({ length: 200 }, (_, i) => `{"n":${i},"text":"${"é".repeat(i * 7)}"}`);
    for (const message of messages) use.write(message);
    await until(() => use.pair().received.length >= messages.length);
    expect(use.pair().received).toEqual(messages);
  });

  test("several messages in one write arrive as several messages", async () => {
    const long = JSON.stringify("y".repeat(70_000));
    use.pair().transport.write(Buffer.concat([use.frame("{}"), use.frame(long), use.frame('"z"')]));
    await until(() => use.pair().received.length >= 3);
    expect(use.pair().received).toEqual(["{}", long, '"z"']);
  });

  test("a run arrives as its messages, in order, behind what was written before", async () => {
    const { transport } = use.pair();
    const texts = ["{}", '{"n":1}', '"z"'];
    const list = texts.map(use.frame);
    use.write('"before"');
    // Where a transport takes none, its caller writes the parts: the same promise.
    if (transport.writeRun === undefined) for (const frames of list) transport.write(frames);
    else transport.writeRun({ list, joined: Buffer.concat(list) });
    use.write('"behind"');
    await until(() => use.pair().received.length >= 5);
    expect(use.pair().received).toEqual(['"before"', ...texts, '"behind"']);
  });

  test("the same bytes may be written again: no code changes them", async () => {
    const bytes = use.frame('{"shared":true}');
    const before = Buffer.from(bytes);
    use.pair().transport.write(bytes);
    use.pair().transport.write(bytes);
    await until(() => use.pair().received.length >= 2);
    expect(use.pair().received).toEqual(['{"shared":true}', '{"shared":true}']);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });
}

/** Bytes that the client has not read are counted. */
function countsWhatWaits(use: Pairs): void {
  test("bufferedBytes grows while the client does not read, and is zero once all was read", async () => {
    expect(use.pair().transport.bufferedBytes).toBe(0);
    use.pair().pausePeer();
    let chunks = 0;
    while (use.pair().transport.bufferedBytes < CHUNK.length && chunks < MAX_CHUNKS) {
      use.write(CHUNK);
      chunks++;
      await turn();
    }
    expect(use.pair().transport.bufferedBytes).toBeGreaterThanOrEqual(CHUNK.length);
    use.pair().resumePeer();
    await until(() => use.pair().received.length >= chunks);
    await until(() => use.pair().transport.bufferedBytes === 0);
    expect(use.pair().received).toHaveLength(chunks);
  });
}

/** A close follows what was written; behind it, and behind terminate, no call does anything. */
function deliversBeforeItCloses(use: Pairs): void {
  test("close delivers everything written before, then code and reason", async () => {
    use.pair().pausePeer();
    const messages = Array.from({ length: 64 }, (_, i) => `${i} ${CHUNK}`);
    for (const message of messages) use.write(message);
    use.pair().transport.close(3000, "drain");
    use.pair().resumePeer();
    await until(() => use.pair().peerEnd !== undefined);
    expect(use.pair().received).toEqual(messages);
    expect(use.pair().peerEnd).toEqual({ code: 3000, reason: "drain" });
    await until(() => use.pair().closedCalls > 0);
    expect(use.pair().closedCalls).toBe(1);
  });

  test("after close further calls do nothing", async () => {
    use.write("last");
    use.pair().transport.close(3002, "slow");
    use.write("too late");
    use.pair().transport.ping();
    use.pair().transport.close(3500, "bad_frame");
    await until(() => use.pair().peerEnd !== undefined && use.pair().closedCalls > 0);
    use.write("much too late");
    use.pair().transport.ping();
    use.pair().transport.close(3500, "bad_frame");
    use.pair().transport.terminate();
    await turns();
    expect(use.pair().received).toEqual(["last"]);
    expect(use.pair().peerEnd).toEqual({ code: 3002, reason: "slow" });
    expect(use.pair().closedCalls).toBe(1);
  });

  test("terminate ends at once, also while the client does not read, and further calls do nothing", async () => {
    use.pair().pausePeer();
    for (let i = 0; i < 64; i++) use.write(CHUNK);
    use.pair().transport.terminate();
    await until(() => use.pair().closedCalls > 0);
    use.write("too late");
    use.pair().transport.ping();
    use.pair().transport.terminate();
    use.pair().transport.close(3000, "drain");
    await turns();
    expect(use.pair().closedCalls).toBe(1);
  });
}

/** However it ends, the edge hears of it once. */
function hearsTheEndOnce(use: Pairs): void {
  test("when the other side closes, the edge hears it once and later calls do nothing", async () => {
    use.pair().closePeer();
    await until(() => use.pair().closedCalls > 0);
    use.write("too late");
    use.pair().transport.ping();
    use.pair().transport.close(3000, "drain");
    use.pair().transport.terminate();
    await turns();
    expect(use.pair().received).toEqual([]);
    expect(use.pair().closedCalls).toBe(1);
  });

  test("when the other side is gone, the edge hears it once and later calls do nothing", async () => {
    use.pair().destroyPeer();
    // Some notice only when they write.
    await until(() => {
      use.write("anybody?");
      return use.pair().closedCalls > 0;
    });
    use.pair().transport.ping();
    use.pair().transport.close(3000, "drain");
    use.pair().transport.terminate();
    await turns();
    expect(use.pair().closedCalls).toBe(1);
  });

  test("when both sides close at once, the edge hears it once", async () => {
    use.pair().closePeer();
    use.pair().transport.close(3000, "drain");
    await until(() => use.pair().closedCalls > 0);
    await turns();
    expect(use.pair().closedCalls).toBe(1);
  });
}

/** A ping is no message. */
function pingsWithoutHarm(use: Pairs): void {
  test("a ping is harmless and disturbs no message", async () => {
    use.write("before");
    use.pair().transport.ping();
    use.write("after");
    await until(() => use.pair().received.length >= 2);
    expect(use.pair().received).toEqual(["before", "after"]);
    expect(use.pair().closedCalls).toBe(0);
  });
}

/** The same each time, and hardly shorter when compressed. */
function noise(length: number): string {
  let text = "";
  for (let state = 1; text.length < length; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += String.fromCharCode(0x30 + (state >>> 26));
  }
  return text;
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
    // Not a turn: what compresses on other threads needs the processor.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
