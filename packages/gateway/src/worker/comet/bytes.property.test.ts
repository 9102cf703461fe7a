/**
 * Bytes in are bytes out over event streams and polls: live, and in what is missed and comes after.
 */
import { CORE_DEFAULTS, Core, MemoryBroker, noMetrics, silentLogger } from "@holdfast/core";
import { FakeClock, memoryRevocations } from "@holdfast/core/testing";
import { type Data, fromBase64, normalizeData, ownerPrefix } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import type { PartedBody } from "../http/parted-body.js";
import { decodeCursor } from "./cursor.js";
import { type DueHeldPoll, Polls } from "./polls.js";
import { CometSessions } from "./sessions.js";
import { type Ids, SseTransport, type StreamHome } from "./sse-transport.js";
import { EventReader } from "./testing/event-reader.js";

type Fields = Readonly<Record<string, unknown>>;

const data: fc.Arbitrary<Data> = fc.oneof(
  fc.uint8Array(),
  fc.string().map((text) => new Uint8Array(Buffer.from(text))),
  fc.json(),
);

class World {
  readonly clock = new FakeClock();
  readonly broker = new MemoryBroker();
  readonly core: Core;
  readonly polls: Polls;
  #ids = 0;

  constructor() {
    this.core = new Core(
      { ...CORE_DEFAULTS, historySize: 100 },
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
    this.polls = new Polls(this.core, new CometSessions(), { holdMs: 25_000, graceMs: 10_000 }, this.clock);
  }

  async publish(all: readonly Data[]): Promise<void> {
    const retention = { size: 100, ttlMs: CORE_DEFAULTS.historyTtlMs };
    for (const each of all) void this.broker.publish("channel:a", each, { retention });
    await this.clock.settle();
  }

  /** A stream of the channel, from the id on; returns what reads it. */
  async stream(codec: "objects" | "raw", ids: Ids, lastEventId: string): Promise<EventReader> {
    const reader = new EventReader();
    const io = {
      own: (handle: TcpHandle) => handle,
      write: (_handle: TcpHandle, bytes: Uint8Array) => {
        reader.feed(Buffer.from(bytes).toString());
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
    const transport = new SseTransport({} as TcpHandle, home, ids);
    const since = decodeCursor(lastEventId, 10)?.positions;
    const url = { channels: ["a"], since, mayComeBack: codec !== "raw" };
    transport.connection = this.core.open(transport, codec, url);
    await this.clock.settle();
    return reader;
  }

  async poll(cursor: string | undefined): Promise<Fields> {
    let text: string | undefined;
    const held = {
      isForwarded: false,
      sign() {},
      get destroyed() {
        return text !== undefined;
      },
      heldBy(transport: { flush(all: boolean): void }) {
        queueMicrotask(() => transport.flush(true));
      },
      destroy() {},
      answer({ bytes }: PartedBody) {
        text = bytes.toString();
      },
      supersede() {},
      drop() {},
    } as unknown as DueHeldPoll;
    const asked = {
      cursor: cursor === undefined ? undefined : decodeCursor(cursor, 10),
      channels: cursor === undefined ? ["a"] : undefined,
      commands: [],
    };
    if (this.polls.goOn(asked, held) === "absent") this.polls.open(asked, undefined, held);
    await this.clock.settle();
    return JSON.parse(text ?? "{}") as Fields;
  }
}

/** What was published, of a frame that says so. */
function published({ publication }: Fields): unknown[] {
  if (publication === undefined) return [];
  const { data, bytes } = publication as Fields;
  return [bytes === true ? fromBase64(data as string) : { json: data }];
}

function expected(each: Data): unknown {
  return typeof each === "string" ? { json: JSON.parse(normalizeData(each)) } : each;
}

const some = fc.array(data, { minLength: 1, maxLength: 6 });

test("an event stream brings bytes in base64, in frames and raw, with every kind of ids", async () => {
  const ways = fc.constantFrom<readonly ["objects" | "raw", Ids]>(
    ["objects", "shared"],
    ["objects", "own"],
    ["raw", "shared"],
    ["raw", "own"],
  );
  await fc.assert(
    fc.asyncProperty(some, some, ways, async (before, after, [codec, ids]) => {
      const world = new World();
      await world.clock.settle();
      const read = ({ events }: EventReader): unknown[] =>
        codec === "raw"
          ? events.map(({ type, data }) => (type === "bytes" ? fromBase64(data) : { json: JSON.parse(data) }))
          : events.flatMap((event) => published(JSON.parse(event.data) as Fields));
      const first = await world.stream(codec, ids, "");
      const id = first.lastEventId;
      await world.publish(before);
      expect(read(first)).toEqual(before.map(expected));
      // It comes back by the id with which it began, and by the last one.
      expect(read(await world.stream(codec, ids, id))).toEqual(before.map(expected));
      const second = await world.stream(codec, ids, first.lastEventId);
      await world.publish(after);
      expect(read(second)).toEqual(after.map(expected));
      world.polls.close();
      await world.core.close();
    }),
    { numRuns: 60 },
  );
});

test("a poll brings bytes in base64, live and after it was away", async () => {
  await fc.assert(
    fc.asyncProperty(some, some, async (before, after) => {
      const world = new World();
      await world.clock.settle();
      const frames = (answer: Fields): unknown[] => (answer.frames as Fields[]).flatMap(published);
      const first = await world.poll(undefined);
      await world.publish(before);
      const second = await world.poll(first.cursor as string);
      expect(frames(second)).toEqual(before.map(expected));
      await world.publish(after);
      expect(frames(await world.poll(second.cursor as string))).toEqual(after.map(expected));
      // Another worker, or one that has forgotten the session, recovers by the cursor alone.
      world.polls.close();
      world.clock.advance(1);
      await world.core.close();
    }),
    { numRuns: 60 },
  );
});
