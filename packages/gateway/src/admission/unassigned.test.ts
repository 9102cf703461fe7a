import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { PendingSocket } from "./pending-socket.js";
import { FakeHandle } from "./testing/fake-handle.js";
import { type Assignment, Unassigned } from "./unassigned.js";

function world() {
  const clock = new FakeClock();
  const settled: [PendingSocket, Assignment][] = [];
  const answer = { now: "later" as Assignment };
  const unassigned = new Unassigned(
    { assign: () => answer.now, settled: (socket, how) => settled.push([socket, how]) },
    clock,
  );
  const socket = (head: string): PendingSocket => {
    const made = new PendingSocket(new FakeHandle(), clock.monotonic());
    made.head = head;
    return made;
  };
  return { clock, settled, answer, unassigned, socket };
}

describe("unassigned sockets", () => {
  it("leave in order, each once, with their bytes", () => {
    const { settled, answer, unassigned, socket } = world();
    const [a, b, c] = [socket("four"), socket("sixsix"), socket("")];
    expect([a, b, c].map((each) => unassigned.add(each))).toEqual([false, false, false]);
    expect([unassigned.length, unassigned.bytes]).toEqual([3, 10]);
    expect(unassigned.settle()).toBe(false);
    answer.now = "assigned";
    expect(unassigned.settle()).toBe(true);
    expect(settled).toEqual([
      [a, "assigned"],
      [b, "assigned"],
      [c, "assigned"],
    ]);
    expect([unassigned.length, unassigned.bytes]).toEqual([0, 0]);
  });

  it("are not overtaken by one that comes when a worker is there again", () => {
    const { settled, answer, unassigned, socket } = world();
    unassigned.add(socket("a"));
    answer.now = "assigned";
    expect(unassigned.add(socket("b"))).toBe(false);
    expect(settled).toEqual([]);
    unassigned.settle();
    expect(settled.map(([{ head }]) => head)).toEqual(["a", "b"]);
    expect(unassigned.add(socket("c"))).toBe(true);
  });

  it("are refused after their time, and given back by a drain", () => {
    const { clock, settled, unassigned, socket } = world();
    const [a, b] = [socket("aa"), socket("bbb")];
    unassigned.add(a);
    clock.advance(10);
    unassigned.add(b);
    unassigned.expire(clock.monotonic() - 10);
    expect(settled).toEqual([[a, "no_worker"]]);
    expect(unassigned.drain()).toEqual([b]);
    expect([unassigned.length, unassigned.bytes, settled.length]).toEqual([0, 0, 1]);
  });
});
