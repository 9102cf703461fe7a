import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodeReceipt, type Parcel, ParcelReader, PLACES } from "../link/parcels.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { PendingSocket } from "./pending-socket.js";
import { PipedHandOffs } from "./piped-hand-offs.js";
import { FakeHandle } from "./testing/fake-handle.js";

/** A worker's end of the pipe: keeps what has come, and says what the test wants it to. */
function setUp() {
  const clock = new FakeClock();
  const events: string[] = [];
  const came: Parcel[] = [];
  const back: PendingSocket[] = [];
  const reader = new ParcelReader<TcpHandle>((parcel, handle) => {
    if ((handle as FakeHandle).closed) throw new Error("a closed handle was sent");
    came.push(parcel);
  });
  const handOffs: PipedHandOffs = new PipedHandOffs(
    { send: (text, handle) => reader.read(Buffer.from(text, "latin1"), handle) },
    {
      taken: () => events.push(`taken, ${handOffs.waiting} wait`),
      undeliverable: (socket) => {
        back.push(socket);
        events.push(`undeliverable ${socket.head}`);
      },
    },
    clock,
  );
  const answer = (parcels: readonly Parcel[], has = true): void =>
    handOffs.answered(Buffer.from(parcels.map(({ place }) => encodeReceipt(place, has)).join(""), "latin1"));
  const sent = (): string[] => came.map(({ head }) => head);
  return { clock, events, came, back, handOffs, answer, sent, open: () => came.splice(0) };
}

function socket(name: string): PendingSocket {
  const pending = new PendingSocket(new FakeHandle(), 0);
  pending.head = name;
  return pending;
}

const some = (count: number): PendingSocket[] => Array.from({ length: count }, (_, i) => socket(String(i)));
const names = (sockets: readonly PendingSocket[]): string[] => sockets.map(({ head }) => head);
const isClosed = ({ handle }: PendingSocket): boolean => (handle as FakeHandle).closed;

describe("hand-offs by a pipe", () => {
  it("go out in order, with their client's address, each closed here once the worker has it", () => {
    const { came, events, handOffs, answer, sent } = setUp();
    const sockets = some(3);
    (sockets[0] as PendingSocket).address = "192.0.2.7";
    for (const each of sockets) handOffs.push(each);
    expect(came).toEqual([{ place: 0, alone: true, address: "192.0.2.7", head: "0" }]);
    expect(handOffs.waiting).toBe(3);
    expect(events).toEqual([]);
    answer([came[0] as Parcel]);
    expect(sent()).toEqual(["0", "1", "2"]);
    expect(sockets.map(isClosed)).toEqual([true, false, false]);
    answer(came.slice(1));
    expect(sockets.map(isClosed)).toEqual([true, true, true]);
    expect(events).toEqual(["taken, 2 wait", "taken, 0 wait"]);
  });

  it("are one at a time to a worker at rest, and more as it takes them, up to the places", () => {
    const { handOffs, answer, open } = setUp();
    for (const each of some(44)) handOffs.push(each);
    const bursts: number[] = [];
    for (let under = open(); under.length > 0; under = open()) {
      bursts.push(under.length);
      expect(under.map(({ alone }) => alone)).toEqual(under.map(() => bursts.length === 1));
      answer(under);
    }
    expect(bursts).toEqual([1, 2, 4, PLACES, PLACES, PLACES, PLACES, 5]);
    for (const each of some(3)) handOffs.push(each);
    expect(open()).toMatchObject([{ alone: true }]);
  });

  it("that are not under way are taken back from a worker that lives but takes nothing", () => {
    const { clock, came, handOffs, answer, sent } = setUp();
    for (const each of some(4)) handOffs.push(each);
    clock.advance(1_500);
    expect(handOffs.waitingMs).toBe(1_500);
    expect(names(handOffs.takeBackQueued())).toEqual(["1", "2", "3"]);
    expect(handOffs.waiting).toBe(1);
    answer(came);
    expect(handOffs.waitingMs).toBe(0);
    handOffs.push(socket("next"));
    expect(sent()).toEqual(["0", "next"]);
  });

  it("count their wait from when the worker took one last", () => {
    const { clock, came, handOffs, answer } = setUp();
    for (const each of some(3)) handOffs.push(each);
    answer(came.slice());
    clock.advance(900);
    answer(came.slice(1, 2));
    clock.advance(200);
    expect(handOffs.waitingMs).toBe(200);
  });

  it("are taken back from a dead worker, those under way first, and nothing is sent any more", () => {
    const { came, handOffs, answer, sent } = setUp();
    const sockets = some(5);
    for (const each of sockets) handOffs.push(each);
    answer(came.slice());
    expect(names(handOffs.takeBack())).toEqual(["1", "2", "3", "4"]);
    expect(sockets.filter(isClosed)).toHaveLength(1);
    answer(came.slice());
    expect(handOffs.takeBack()).toEqual([]);
    expect(sent()).toEqual(["0", "1", "2"]);
    expect(handOffs.waiting).toBe(0);
  });

  it("whose descriptor was lost are tried three times, then given back, while the others go on", () => {
    const { came, events, handOffs, answer, sent } = setUp();
    const sockets = ["lost", "next"].map(socket);
    for (const each of sockets) handOffs.push(each);
    const [lost] = came as [Parcel];
    answer([lost], false);
    answer([lost], false);
    expect(sent()).toEqual(["lost", "lost", "lost"]);
    answer([lost], false);
    expect(events).toEqual(["undeliverable lost"]);
    expect(sockets.map(isClosed)).toEqual([false, false]);
    expect(sent().at(-1)).toBe("next");
  });

  it("that the system would not send are given back, whatever is under way behind them", () => {
    const { came, events, handOffs, answer } = setUp();
    const sockets = some(4);
    for (const each of sockets) handOffs.push(each);
    answer(came.slice());
    handOffs.unsent((sockets[1] as PendingSocket).handle);
    handOffs.unsent(new FakeHandle());
    expect(events.at(-1)).toBe("undeliverable 1");
    answer(came.slice(2));
    expect(sockets.map(isClosed)).toEqual([true, false, true, true]);
    expect(handOffs.waiting).toBe(0);
  });

  it("receipts for nothing are ignored", () => {
    const { events, handOffs, sent } = setUp();
    handOffs.answered(Buffer.from("aP\0\xff", "latin1"));
    expect([events, sent(), handOffs.waiting]).toEqual([[], [], 0]);
  });

  it("in any order of events every socket is with the worker, given back or waiting, once", () => {
    const step = fc.constantFrom(
      "push",
      "push",
      "push",
      "ack",
      "ack all",
      "nack",
      "unsent",
      "queued",
      "dead",
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { back, handOffs, answer, open } = setUp();
        const all: PendingSocket[] = [];
        let under: Parcel[] = [];
        for (const [at, each] of steps.entries()) {
          under.push(...open());
          const [first] = under;
          if (each === "push") {
            all.push(socket(String(at)));
            handOffs.push(all.at(-1) as PendingSocket);
          } else if (each === "ack" && first !== undefined) answer([under.shift() as Parcel]);
          else if (each === "ack all") answer(under.splice(0));
          else if (each === "nack" && first !== undefined) answer([under.shift() as Parcel], false);
          else if (each === "unsent" && first !== undefined) {
            const { head } = under.shift() as Parcel;
            handOffs.unsent((all.find((one) => one.head === head) as PendingSocket).handle);
          } else if (each === "queued") back.push(...handOffs.takeBackQueued());
          else if (each === "dead") {
            back.push(...handOffs.takeBack());
            open();
            under = [];
          }
        }
        const taken = all.filter(isClosed);
        expect(new Set(back).size).toBe(back.length);
        expect(back.some(isClosed)).toBe(false);
        expect(taken.length + back.length + handOffs.waiting).toBe(all.length);
      }),
    );
  });
});
