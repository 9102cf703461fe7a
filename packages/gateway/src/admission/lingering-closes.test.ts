import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { LingeringCloses } from "./lingering-closes.js";
import { FakeLingeringSocket } from "./testing/fake-farewell-socket.js";
import { FakeHandle } from "./testing/fake-handle.js";

function setUp() {
  const clock = new FakeClock();
  const sockets: FakeLingeringSocket[] = [];
  const lingeringCloses = new LingeringCloses(clock, (handle) => {
    const socket = new FakeLingeringSocket(handle);
    sockets.push(socket);
    return socket;
  });
  return { clock, sockets, lingeringCloses };
}

describe("lingering closes", () => {
  it("sends the answer, drops what still comes, and waits for the peer to leave", () => {
    const { sockets, lingeringCloses } = setUp();
    lingeringCloses.say(new FakeHandle(), "no");
    expect(sockets[0]).toMatchObject({ answer: "no", reading: true, destroyed: false });
    sockets[0]!.emit("close");
    expect(lingeringCloses.size).toBe(0);
  });

  it("waits a second, no longer", () => {
    const { clock, sockets, lingeringCloses } = setUp();
    lingeringCloses.say(new FakeHandle(), "first");
    clock.advance(500);
    lingeringCloses.say(new FakeHandle(), "second");
    clock.advance(499);
    lingeringCloses.sweep();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    clock.advance(1);
    lingeringCloses.sweep();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    expect(lingeringCloses.size).toBe(1);
  });

  it("answers every socket in a flood and holds no more than its limit", () => {
    const { sockets, lingeringCloses } = setUp();
    for (let i = 0; i < 5_000; i++) lingeringCloses.say(new FakeHandle(), `${i}`);
    expect(lingeringCloses.size).toBe(1024);
    expect(sockets.every(({ answer }, i) => answer === `${i}`)).toBe(true);
    expect(sockets.findIndex(({ destroyed }) => !destroyed)).toBe(5_000 - 1024);
  });

  it("ends at an error, and all when it closes", () => {
    const { sockets, lingeringCloses } = setUp();
    for (let i = 0; i < 3; i++) lingeringCloses.say(new FakeHandle(), "no");
    sockets[1]!.emit("error");
    expect(lingeringCloses.size).toBe(2);
    lingeringCloses.close();
    lingeringCloses.close();
    expect(lingeringCloses.size).toBe(0);
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });
});
