import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { heaviest, isNearlyFull, superfluous } from "./crowd.js";
import { PendingSocket } from "./pending-socket.js";
import { FakeHandle } from "./testing/fake-handle.js";

const NOW = 10_000;

/** Silent sockets, oldest first: the address and the age of each, ms. */
function crowd(...sockets: readonly [address: string, age: number][]): Map<TcpHandle, PendingSocket> {
  return new Map(
    sockets.map(([address, age]) => {
      const handle = new FakeHandle();
      const socket = new PendingSocket(handle, NOW - age);
      socket.address = address;
      return [handle, socket];
    }),
  );
}

const senderOf = ({ address }: PendingSocket): string => address;
const leaving = (reading: Map<TcpHandle, PendingSocket>, maxPending: number): string[] =>
  superfluous(reading, maxPending, NOW, senderOf).map(({ address, since }) => `${address} ${NOW - since}`);

describe("a crowded door", () => {
  it("is nearly full at three quarters", () => {
    expect([isNearlyFull(74, 100), isNearlyFull(75, 100)]).toEqual([false, true]);
  });

  it("sends the oldest of the busiest address away, until a quarter of the places is left to silent sockets", () => {
    const reading = crowd(["a", 4_000], ["b", 3_500], ["b", 3_000], ["a", 2_500], ["b", 2_000], ["b", 1_500]);
    expect(leaving(reading, 16)).toEqual(["b 3500", "b 3000"]);
  });

  it("leaves sockets alone whose head may lie unread", () => {
    expect(leaving(crowd(["a", 999], ["a", 900], ["a", 1]), 4)).toEqual([]);
  });

  it("takes no place from an address before a busier one has as few, whatever the crowd", () => {
    const addresses = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 60 });
    fc.assert(
      fc.property(addresses, fc.nat(80), (senders, maxPending) => {
        const reading = crowd(...senders.map((address): [string, number] => [address, 2_000]));
        const gone = superfluous(reading, maxPending, NOW, senderOf);
        const left = (address: string): number =>
          senders.filter((each) => each === address).length -
          gone.filter((each) => each.address === address).length;
        expect(gone).toHaveLength(Math.max(0, senders.length - Math.floor(maxPending / 4)));
        expect(new Set(gone).size).toBe(gone.length);
        const most = Math.max(0, ...senders.map(left));
        for (const { address } of gone) expect(left(address)).toBeGreaterThanOrEqual(most - 1);
      }),
    );
  });
});

describe("heads with too many bytes", () => {
  /** Sockets, oldest first: the address and the bytes of each. */
  function heads(...sockets: readonly (readonly [address: string, bytes: number])[]): PendingSocket[] {
    return sockets.map(([address, bytes]) => {
      const socket = new PendingSocket(new FakeHandle(), NOW);
      socket.address = address;
      socket.head = "x".repeat(bytes);
      return socket;
    });
  }

  it("leave by the oldest of the heaviest address; silent sockets stay", () => {
    const sockets = heads(["a", 300], ["b", 10], ["a", 0], ["a", 300], ["c", 250], ["a", 300]);
    expect(heaviest(sockets, 500, senderOf)).toEqual([sockets[0], sockets[3]]);
  });

  it("free enough, and take none from an address that holds less than another has left", () => {
    const address = fc.constantFrom("a", "b", "c");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(address, fc.nat(100)), { maxLength: 40 }),
        fc.nat(2_000),
        (given, bytes) => {
          const sockets = heads(...given);
          const gone = heaviest(sockets, bytes, senderOf);
          const all = sockets.reduce((sum, { head }) => sum + head.length, 0);
          const freed = gone.reduce((sum, { head }) => sum + head.length, 0);
          expect(freed).toBeGreaterThanOrEqual(Math.min(bytes, all));
          const left = (of: string): number =>
            sockets
              .filter((socket) => socket.address === of && !gone.includes(socket))
              .reduce((sum, { head }) => sum + head.length, 0);
          const most = Math.max(...["a", "b", "c"].map(left));
          // All but its last one was taken while it held more than the others.
          for (const { address: of } of gone)
            expect(left(of) + 100).toBeGreaterThanOrEqual(Math.min(most, left(of) + 100));
          expect(new Set(gone).size).toBe(gone.length);
        },
      ),
    );
  });
});
