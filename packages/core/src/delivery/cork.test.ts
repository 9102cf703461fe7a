import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FakeClient, memoryWorld } from "../testing/core-world.js";
import { FakeTransport, TextFraming } from "../testing/fake-transport.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import { Cork, type Soon } from "./cork.js";
import type { Recipient } from "./recipient.js";
import type { FrameRun } from "./transport.js";

const KIB = 1024;

/** A recipient and what was written to it. */
interface Ear {
  isOpen: boolean;
  readonly writes: Uint8Array[][];
  readonly joined: Uint8Array[];
  messages: number;
}

function world(soon?: Soon) {
  const ears = new Map<Recipient, Ear>();
  const order: Ear[] = [];
  const metrics = new RecordingMetrics();
  const cork = new Cork(
    (recipient, run, messages) => {
      const ear = ears.get(recipient)!;
      order.push(ear);
      ear.writes.push([...run.list]);
      ear.joined.push(run.joined);
      ear.messages += messages;
    },
    metrics,
    soon,
  );
  const ear = (): { recipient: Recipient; ear: Ear } => {
    const ear: Ear = { isOpen: true, writes: [], joined: [], messages: 0 };
    const recipient = ear as unknown as Recipient;
    ears.set(recipient, ear);
    return { recipient, ear };
  };
  return { cork, ear, metrics, order };
}

describe("cork", () => {
  test("what is held for a connection leaves as one run, in its order", () => {
    const { cork, ear } = world();
    const [a, b] = [ear(), ear()];
    const [one, two, three] = ["one", "two", "three"].map((text) => Buffer.from(text));
    cork.open();
    for (const frames of [one!, two!, three!]) {
      cork.hold(a.recipient, frames, 1);
      cork.hold(b.recipient, frames, 1);
    }
    expect([a.ear.writes, b.ear.writes]).toEqual([[], []]);
    expect(cork.flush(() => false)).toBe(true);
    expect(a.ear.writes).toEqual([[one, two, three]]);
    expect(String(a.ear.joined[0])).toBe("onetwothree");
    expect([a.ear.messages, b.ear.messages]).toEqual([3, 3]);
    // Joined once for both.
    expect(b.ear.joined[0]).toBe(a.ear.joined[0]);
    expect([cork.isHolding, cork.isEmpty]).toEqual([false, true]);
  });

  describe("words", () => {
    function later() {
      const due: (() => void)[] = [];
      const { cork, ear, metrics, order } = world((run) => due.push(run));
      return { cork, ear, metrics, order, due };
    }
    const bytes = (text: string): Buffer => Buffer.from(text);

    test("what is said to a connection in one callback leaves in one write", () => {
      const { cork, ear, due } = later();
      const [a, b] = [ear(), ear()];
      for (const text of ["1", "2", "3"]) cork.say(a.recipient, bytes(text));
      cork.say(b.recipient, bytes("4"));
      expect([a.ear.writes, b.ear.writes, due.length]).toEqual([[], [], 1]);
      due[0]?.();
      expect(a.ear.joined.map(String)).toEqual(["123"]);
      expect(b.ear.joined.map(String)).toEqual(["4"]);
      expect([a.ear.messages, cork.isEmpty]).toEqual([3, true]);
      cork.say(a.recipient, bytes("5"));
      expect(due.length).toBe(2);
    });

    test("words and batches of one connection keep their order", () => {
      const { cork, ear, due } = later();
      const { recipient, ear: heard } = ear();
      cork.open();
      cork.hold(recipient, bytes("batch "), 1);
      cork.say(recipient, bytes("word "));
      cork.hold(recipient, bytes("batch"), 1);
      due[0]?.();
      expect(heard.joined.map(String)).toEqual(["batch word batch"]);
      cork.say(recipient, bytes("a"));
      cork.hold(recipient, bytes("b"), 1);
      expect(cork.flush(() => false)).toBe(true);
      due[1]?.();
      expect(heard.joined.map(String)).toEqual(["batch word batch", "ab"]);
      expect(cork.isEmpty).toBe(true);
    });

    test("they are bounded in bytes of one connection, and in connections", () => {
      const { cork, ear, metrics, due } = later();
      const one = ear();
      for (let i = 0; i < 5; i++) cork.say(one.recipient, Buffer.alloc(4 * KIB));
      expect(one.ear.writes.length).toBe(1);
      expect(metrics.count("cork_full")).toBe(1);
      cork.say(one.recipient, Buffer.alloc(40 * KIB));
      expect(one.ear.writes.map((run) => run.length)).toEqual([4, 1, 1]);
      const many = Array.from({ length: 1_030 }, ear);
      for (const { recipient } of many) cork.say(recipient, bytes("x"));
      expect(many.filter(({ ear: { writes } }) => writes.length === 1).length).toBeGreaterThan(1_000);
      for (const run of due) run();
      expect(many.every(({ ear: { writes } }) => writes.length === 1)).toBe(true);
    });
  });

  test("one array alone is written as it is", () => {
    const { cork, ear } = world();
    const { recipient, ear: a } = ear();
    const bytes = Buffer.from("shared");
    cork.open();
    cork.hold(recipient, bytes, 1);
    cork.flush(() => false);
    expect(a.joined[0]).toBe(bytes);
  });

  test("at most 16 KiB are joined for a connection; what does not fit leaves behind it, shared", () => {
    const { cork, ear, metrics } = world();
    const { recipient, ear: a } = ear();
    cork.open();
    for (let i = 0; i < 3; i++) cork.hold(recipient, Buffer.alloc(6 * KIB), 1);
    expect(a.writes.map(({ length }) => length)).toEqual([2]);
    const long = Buffer.alloc(1024 * KIB);
    cork.hold(recipient, long, 1);
    expect(a.writes.map(({ length }) => length)).toEqual([2, 1, 1]);
    expect(a.joined[2]).toBe(long);
    for (const bytes of a.joined.slice(0, 2)) expect(bytes.length).toBeLessThanOrEqual(16 * KIB);
    expect(cork.isEmpty).toBe(true);
    expect(metrics.count("cork_full")).toBe(2);
  });

  test("more than 65,536 arrays are not held", () => {
    const { cork, ear, metrics } = world();
    cork.open();
    const bytes = Buffer.from("x");
    for (let i = 0; i < 65_535; i++) cork.hold(ear().recipient, bytes, 1);
    expect(cork.isFull).toBe(false);
    cork.hold(ear().recipient, bytes, 1);
    expect(cork.isFull).toBe(true);
    expect(metrics.count("cork_full")).toBe(1);
    expect(cork.flush(() => false)).toBe(true);
    expect(cork.isFull).toBe(false);
  });

  test("a flush that is over goes on where it was, with nothing held meanwhile twice", () => {
    const { cork, ear, order } = world();
    const all = Array.from({ length: 100 }, ear);
    cork.open();
    for (const { recipient } of all) cork.hold(recipient, Buffer.from("x"), 1);
    expect(cork.flush(() => true)).toBe(false);
    expect(cork.isHolding).toBe(false);
    expect(order).toHaveLength(32);
    // Something else is to be written to one that waits.
    cork.release(all[99]!.recipient);
    while (!cork.flush(() => true));
    expect(order).toHaveLength(100);
    expect(new Set(order).size).toBe(100);
  });

  test("a connection that has ended meanwhile is written nothing", () => {
    const { cork, ear } = world();
    const { recipient, ear: a } = ear();
    cork.open();
    cork.hold(recipient, Buffer.from("x"), 1);
    a.isOpen = false;
    cork.flush(() => false);
    expect(a.writes).toEqual([]);
    expect(cork.isEmpty).toBe(true);
  });

  test("property: whatever is held, released and flushed, each connection gets all of it in order", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant("hold" as const), fc.nat(4), fc.nat(9 * KIB)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("release" as const), fc.nat(4), fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("flush" as const), fc.constant(0), fc.nat(3)) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { cork, ear } = world();
        const all = Array.from({ length: 5 }, ear);
        const held: Buffer[][] = all.map(() => []);
        cork.open();
        for (const [what, at, size] of steps) {
          const { recipient } = all[at]!;
          if (what === "flush") {
            let looks = size;
            while (!cork.flush(() => looks-- <= 0)) looks = size;
            cork.open();
          } else if (what === "release") cork.release(recipient);
          else {
            const bytes = Buffer.alloc(size + 1, held[at]!.length);
            held[at]!.push(bytes);
            cork.hold(recipient, bytes, 1);
          }
        }
        while (!cork.flush(() => false));
        all.forEach(({ ear }, at) => {
          expect(Buffer.concat(ear.joined).equals(Buffer.concat(held[at]!))).toBe(true);
          expect(ear.messages).toBe(held[at]!.length);
        });
      }),
      { numRuns: 200 },
    );
  });
});

/** A transport that takes runs. */
class RunTransport extends FakeTransport {
  writeRun({ joined }: FrameRun): void {
    this.write(joined);
  }
}

describe("a connection in several audiences", () => {
  const CHANNELS = ["open:a", "open:b", "open:c"];

  async function listening(transport: FakeTransport) {
    const world = memoryWorld();
    const client = new FakeClient(world.core, "lines", undefined, transport);
    client.connect();
    for (const channel of CHANNELS) client.subscribe(channel);
    await world.settle();
    client.take();
    const publisher = world.connected();
    return { world, client, publisher };
  }

  test("is written once in a turn, each channel in its order", async () => {
    const { world, client, publisher } = await listening(new RunTransport());
    const before = client.transport.writes.length;
    for (const channel of CHANNELS) for (const n of [1, 2]) publisher.publish(channel, n);
    await world.settle();
    expect(client.transport.writes.length - before).toBe(1);
    for (const channel of CHANNELS) expect(client.data(channel)).toEqual([1, 2]);
  });

  test("is written all the same where its transport takes no runs", async () => {
    const { world, client, publisher } = await listening(new FakeTransport());
    for (const channel of CHANNELS) publisher.publish(channel, 1);
    await world.settle();
    for (const channel of CHANNELS) expect(client.data(channel)).toEqual([1]);
  });

  test("hears an answer behind what is held for it", async () => {
    const { world, client, publisher } = await listening(new RunTransport(new SlowFraming()));
    SlowFraming.onFrame = () => world.clock.spend(10);
    for (const channel of CHANNELS) publisher.publish(channel, 1);
    client.take();
    // Each walk is a stretch of its own: the client's command comes while the first is held.
    let isAsked = false;
    SlowFraming.onFrame = (text) => {
      world.clock.spend(10);
      if (!text.includes('"open:b"') || isAsked) return;
      isAsked = true;
      world.clock.defer(() => client.unsubscribe("open:a"));
    };
    await world.settle();
    SlowFraming.onFrame = () => {};
    const heard = client.take().map((frame) => (frame.kind === "push" ? channelOf(frame.body) : frame.kind));
    expect(heard).toContain("open:a");
    expect(heard.indexOf("open:a")).toBeLessThan(heard.indexOf("reply"));
    expect(heard.indexOf("open:c")).toBeGreaterThan(heard.indexOf("reply"));
  });
});

class SlowFraming extends TextFraming {
  static onFrame: (text: string) => void = () => {};

  override frame(text: string): Uint8Array {
    SlowFraming.onFrame(text);
    return super.frame(text);
  }
}

function channelOf(body: unknown): string {
  return (body as { readonly channel: string }).channel;
}
