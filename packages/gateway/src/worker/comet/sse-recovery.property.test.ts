/**
 * A stream that is cut at any byte, and goes on by the last id that was read: nothing is lost, twice or out
 * of order.
 */
import { CORE_DEFAULTS, Core, MemoryBroker, noMetrics, silentLogger } from "@holdfast/core";
import { FakeClock, memoryRevocations } from "@holdfast/core/testing";
import { ownerPrefix } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { decodeCursor } from "./cursor.js";
import { type Ids, SseTransport, type StreamHome } from "./sse-transport.js";
import { EventReader } from "./testing/event-reader.js";

const CHANNELS = ["a", "b:1", "ü"];

class World {
  readonly clock = new FakeClock();
  readonly broker = new MemoryBroker();
  readonly core: Core;
  #ids = 0;

  constructor() {
    this.core = new Core(
      { ...CORE_DEFAULTS, historySize: 1000 },
      {
        broker: this.broker,
        sharedSecret: async () => "the secret of this world",
        revocations: memoryRevocations(this.broker, this.clock),
        clock: this.clock,
        logger: silentLogger,
        metrics: noMetrics,
        sessionId: () => ownerPrefix({ slot: 0, generation: 0 }) + `${++this.#ids}`.padStart(16, "0"),
        random: () => 0.5,
      },
    );
    this.core.start();
  }

  /** What a client of these channels is sent, as bytes that grow. */
  async stream(
    channels: readonly string[],
    encoding: "objects" | "raw",
    lastEventId: string,
  ): Promise<Buffer[]> {
    const written: Buffer[] = [];
    const io = {
      own: (handle: TcpHandle) => handle,
      write: (_handle: TcpHandle, bytes: Uint8Array) => {
        written.push(Buffer.from(bytes));
        return "taken";
      },
      end: () => true,
      close() {},
    };
    const home = {
      io,
      isOpening: () => false,
      gather: () => false,
      now: () => 0,
      named() {},
      leaving() {},
      gone() {},
    } as unknown as StreamHome;
    const ids: Ids = channels.length === 1 ? "shared" : "own";
    const transport = new SseTransport({} as TcpHandle, home, ids);
    const since = decodeCursor(lastEventId, 10)?.positions;
    transport.connection = this.core.open(transport, encoding, {
      channels,
      since,
      mayComeBack: encoding !== "raw",
    });
    await this.clock.settle();
    return written;
  }

  /** Each number on the next of the channels, several in one turn. */
  async publish(channels: readonly string[], from: number, to: number, together: number): Promise<void> {
    for (let n = from; n <= to; n++) {
      const retention = { size: 1000, ttlMs: CORE_DEFAULTS.historyTtlMs };
      void this.broker.publish(`channel:${channels[n % channels.length]}`, String(n), { retention });
      if (n % together === 0) await this.clock.settle();
    }
    await this.clock.settle();
  }
}

function numbers(
  events: readonly { readonly data: string }[],
  encoding: "objects" | "raw",
  channel: string,
): number[] {
  if (encoding === "raw") return events.map(({ data }) => Number(data));
  return events.flatMap(({ data }) => {
    const { publication } = JSON.parse(data) as { publication?: { channel: string; data: number } };
    return publication?.channel === channel ? [publication.data] : [];
  });
}

test("a stream goes on behind the last event that was whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom("objects" as const, "raw" as const),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.double({ min: 0.2, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
      async (count, encoding, together, cuts) => {
        const channels = CHANNELS.slice(0, encoding === "raw" ? 1 : count);
        const world = new World();
        await world.clock.settle();
        const reader = new EventReader();
        let published = 0;
        for (const cut of [...cuts, 1]) {
          const written = await world.stream(channels, encoding, reader.lastEventId);
          await world.publish(channels, published + 1, published + 7, together);
          published += 7;
          const bytes = Buffer.concat(written);
          const whole = new EventReader();
          whole.lastEventId = reader.lastEventId;
          whole.feed(bytes.subarray(0, Math.floor(bytes.length * cut)).toString());
          reader.events.push(...whole.events);
          // A fifth of the bytes is behind the id with which every stream begins.
          expect(whole.lastEventId).not.toBe("");
          reader.lastEventId = whole.lastEventId;
        }
        for (const [at, channel] of channels.entries()) {
          const all = Array.from({ length: published }, (_, i) => i + 1);
          expect(numbers(reader.events, encoding, channel)).toEqual(
            all.filter((n) => n % channels.length === at),
          );
        }
        await world.core.close();
      },
    ),
    { numRuns: 150 },
  );
});
