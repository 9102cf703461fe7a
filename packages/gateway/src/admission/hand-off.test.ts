import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { HandOffs } from "./hand-off.js";
import { PendingSocket } from "./pending-socket.js";
import { FakeChannel } from "./testing/fake-channel.js";
import { FakeHandle } from "./testing/fake-handle.js";

function setUp() {
  const channel = new FakeChannel();
  const clock = new FakeClock();
  const events: string[] = [];
  const handOffs = new HandOffs(
    channel.worker,
    {
      taken: () => events.push(`taken, ${handOffs.waiting} wait`),
      undeliverable: (socket) => events.push(`undeliverable ${socket.head}`),
    },
    clock,
  );
  const sent = () => channel.sent.map(({ head }) => head);
  return { channel, clock, events, handOffs, sent };
}

function socket(name: string): PendingSocket {
  const pending = new PendingSocket(new FakeHandle(), 0);
  pending.head = name;
  return pending;
}

const names = (sockets: readonly PendingSocket[]): string[] => sockets.map(({ head }) => head);
const isClosed = ({ handle }: PendingSocket): boolean => (handle as FakeHandle).closed;

describe("hand-offs", () => {
  it("go out one at a time, in order, each closed here once the worker has it", () => {
    const { channel, events, handOffs, sent } = setUp();
    const sockets = ["a", "b", "c"].map(socket);
    for (const each of sockets) handOffs.push(each);
    expect(sent()).toEqual(["a"]);
    expect(handOffs.waiting).toBe(3);
    channel.acknowledge();
    expect(sent()).toEqual(["a", "b"]);
    expect(sockets.map(isClosed)).toEqual([true, false, false]);
    channel.other();
    channel.acknowledge();
    channel.acknowledge();
    expect(sockets.map(isClosed)).toEqual([true, true, true]);
    expect(events).toEqual(["taken, 2 wait", "taken, 1 wait", "taken, 0 wait"]);
  });

  it("never call back from inside push: the caller may be in the middle of its own queue", () => {
    const { events, handOffs } = setUp();
    handOffs.push(socket("a"));
    handOffs.push(socket("b"));
    expect(events).toEqual([]);
  });

  it("may be pushed from inside the event", () => {
    const channel = new FakeChannel();
    const more = ["b", "c"].map(socket);
    const handOffs: HandOffs = new HandOffs(
      channel.worker,
      {
        taken() {
          const next = more.shift();
          if (next !== undefined) handOffs.push(next);
        },
        undeliverable() {},
      },
      new FakeClock(),
    );
    handOffs.push(socket("a"));
    for (let i = 0; i < 3; i++) channel.acknowledge();
    expect(channel.sent.map(({ head }) => head)).toEqual(["a", "b", "c"]);
    expect(handOffs.waiting).toBe(0);
  });

  it("lost on the way are tried three times, then given back, and the next goes out", () => {
    const { channel, events, handOffs, sent } = setUp();
    const lost = socket("lost");
    handOffs.push(lost);
    handOffs.push(socket("next"));
    channel.refuse();
    channel.refuse();
    expect(sent()).toEqual(["lost", "lost", "lost"]);
    expect(events).toEqual([]);
    channel.refuse();
    expect(events).toEqual(["undeliverable lost"]);
    expect(isClosed(lost)).toBe(false);
    expect(sent()).toEqual(["lost", "lost", "lost", "next"]);
    channel.refuse();
    channel.acknowledge();
    expect(handOffs.waiting).toBe(0);
  });

  it("are taken back from a dead worker, the one under way first, and nothing is sent any more", () => {
    const { channel, handOffs, sent } = setUp();
    const sockets = ["a", "b", "c", "d"].map(socket);
    for (const each of sockets) handOffs.push(each);
    channel.acknowledge();
    expect(names(handOffs.takeBack())).toEqual(["b", "c", "d"]);
    expect(sockets.map(isClosed)).toEqual([true, false, false, false]);
    channel.acknowledge();
    channel.refuse();
    expect(handOffs.takeBack()).toEqual([]);
    expect(sent()).toEqual(["a", "b"]);
    expect(handOffs.waiting).toBe(0);
  });

  it("that are not under way are taken back from a worker that lives but takes nothing", () => {
    const { channel, clock, handOffs, sent } = setUp();
    const sockets = ["a", "b", "c"].map(socket);
    for (const each of sockets) handOffs.push(each);
    clock.advance(1_500);
    expect(handOffs.waitingMs).toBe(1_500);
    expect(names(handOffs.takeBackQueued())).toEqual(["b", "c"]);
    expect(handOffs.waiting).toBe(1);
    channel.acknowledge();
    expect(handOffs.waitingMs).toBe(0);
    handOffs.push(socket("d"));
    expect(sent()).toEqual(["a", "d"]);
  });

  it("an acknowledgement of nothing is ignored", () => {
    const { channel, events, sent } = setUp();
    channel.acknowledge();
    channel.refuse();
    expect([events, sent()]).toEqual([[], []]);
  });

  it("in any order of events every socket is with the worker, given back or waiting, once", () => {
    const step = fc.constantFrom("push", "push", "ack", "ack", "nack", "takeBackQueued", "takeBack");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const channel = new FakeChannel();
        const back: PendingSocket[] = [];
        const all: PendingSocket[] = [];
        const handOffs = new HandOffs(
          channel.worker,
          { taken() {}, undeliverable: (each) => back.push(each) },
          new FakeClock(),
        );
        for (const [i, what] of steps.entries()) {
          if (what === "push") {
            all.push(socket(`${i}`));
            handOffs.push(all.at(-1)!);
          } else if (what === "ack") channel.acknowledge();
          else if (what === "nack") channel.refuse();
          else back.push(...handOffs[what]());
          const taken = all.filter(isClosed);
          expect(taken.some((each) => back.includes(each))).toBe(false);
          expect(new Set(back).size).toBe(back.length);
          expect(taken.length + back.length + handOffs.waiting).toBe(all.length);
        }
      }),
    );
  });
});
