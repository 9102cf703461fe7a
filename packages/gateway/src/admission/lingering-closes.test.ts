import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { Farewells } from "./lingering-closes.js";
import { FakeFarewellSocket } from "./testing/fake-farewell-socket.js";
import { FakeHandle } from "./testing/fake-handle.js";

function setUp() {
  const clock = new FakeClock();
  const sockets: FakeFarewellSocket[] = [];
  const farewells = new Farewells(clock, (handle) => {
    const socket = new FakeFarewellSocket(handle);
    sockets.push(socket);
    return socket;
  });
  return { clock, sockets, farewells };
}

describe("farewells", () => {
  it("sends the answer, drops what still comes, and waits for the peer to leave", () => {
    const { sockets, farewells } = setUp();
    farewells.say(new FakeHandle(), "no");
    expect(sockets[0]).toMatchObject({ answer: "no", reading: true, destroyed: false });
    sockets[0]!.emit("close");
    expect(farewells.size).toBe(0);
  });

  it("waits a second, no longer", () => {
    const { clock, sockets, farewells } = setUp();
    farewells.say(new FakeHandle(), "first");
    clock.advance(500);
    farewells.say(new FakeHandle(), "second");
    clock.advance(499);
    farewells.sweep();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    clock.advance(1);
    farewells.sweep();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    expect(farewells.size).toBe(1);
  });

  it("answers everybody in a flood and holds no more than its limit", () => {
    const { sockets, farewells } = setUp();
    for (let i = 0; i < 5_000; i++) farewells.say(new FakeHandle(), `${i}`);
    expect(farewells.size).toBe(1024);
    expect(sockets.every(({ answer }, i) => answer === `${i}`)).toBe(true);
    expect(sockets.findIndex(({ destroyed }) => !destroyed)).toBe(5_000 - 1024);
  });

  it("ends at an error, and all when it closes", () => {
    const { sockets, farewells } = setUp();
    for (let i = 0; i < 3; i++) farewells.say(new FakeHandle(), "no");
    sockets[1]!.emit("error");
    expect(farewells.size).toBe(2);
    farewells.close();
    farewells.close();
    expect(farewells.size).toBe(0);
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });
});
