import { errors } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";

const channel = "room:1";
const ada = { session: "s1", user: "ada", info: { name: "Ada" } };
const bob = { session: "s2", user: "bob" };
const list = (version: number, members: readonly object[]): object => ({
  version,
  users: members.length,
  sessions: members.length,
  members,
});
const join = (member: object, version: number): object => ({ join: { channel, member, version } });

/** A client that follows a channel with Ada in it at version 4. */
async function followed(random?: () => number) {
  const harness = new ClientHarness(random && { random });
  const room = harness.client.subscribe(channel, undefined, { presence: true });
  const notes: unknown[][] = [];
  room.on("join", ({ member }) => notes.push(["join", member.session]));
  room.on("leave", ({ member }) => notes.push(["leave", member.session]));
  room.on("presence", ({ version, complete }) => notes.push([version, complete]));
  const subs = { [channel]: { presence: list(4, [ada]) } as object };
  const socket = await harness.connected({ subs });
  return { harness, room, notes, socket };
}

describe("a subscription with presence", () => {
  it("asks for it in the connect command, and tells who is there and who comes and goes", async () => {
    const { harness, room, notes, socket } = await followed();
    expect(socket.frames[0]).toHaveProperty(["connect", "subs", channel], {
      presence: true,
      joinLeave: true,
    });
    socket.receive(join(bob, 5), { leave: { channel, member: ada, version: 6 } });
    expect(notes).toEqual([
      [4, true],
      ["join", "s2"],
      [5, true],
      ["leave", "s1"],
      [6, true],
    ]);
    expect(room.presence?.members).toEqual([{ user: "bob", sessions: [bob] }]);
    expect(harness.errors).toEqual([]);
  });

  it("reads anew when it missed one, once, at a time of its own", async () => {
    const { harness, room, notes, socket } = await followed(() => 0.25);
    socket.receive(join(bob, 6), join(bob, 8));
    expect(room.presence).toMatchObject({ complete: false, users: 1 });
    await harness.clock.advance(499);
    expect(socket.frames).toHaveLength(1);
    await harness.clock.advance(1);
    const frame = socket.frames[1];
    expect(frame).toMatchObject({ presence: { channel, limit: 1000 } });
    // What comes before the answer is in it, or follows on it.
    const cyd = { session: "s3" };
    socket.receive(join(cyd, 9), { id: frame?.id, presence: list(8, [ada, bob]) }, join(bob, 8));
    expect(room.presence).toMatchObject({ version: 9, users: 3, complete: true });
    expect(notes.slice(-3)).toEqual([
      [8, true],
      ["join", "s3"],
      [9, true],
    ]);
    await harness.clock.advance(10_000);
    expect(socket.frames).toHaveLength(2);
  });

  it("tries a reading again that failed for a while, and no other", async () => {
    const { harness, socket } = await followed();
    socket.receive(join(bob, 9));
    await harness.clock.advance(1_000);
    socket.receive({ id: socket.frames[1]?.id, error: errors.unavailable });
    await harness.clock.advance(4_000);
    expect(socket.frames).toHaveLength(3);
    socket.receive({ id: socket.frames[2]?.id, error: errors.forbidden });
    await harness.clock.advance(60_000);
    expect(socket.frames.filter((frame) => "presence" in frame)).toHaveLength(2);
    expect(harness.errors.map(({ name }) => name)).toEqual(["unavailable", "forbidden"]);
  });

  it("counts where there are too many to list", async () => {
    const { room, socket } = await followed();
    socket.receive({ presence: { channel, version: 600, users: 500, sessions: 501 } });
    expect(room.presence).toEqual({ version: 600, users: 500, sessions: 501, members: [], complete: false });
  });

  it("is asked for again after a reconnect, and reads nothing in between", async () => {
    const { harness, room, socket } = await followed();
    socket.receive(join(bob, 9));
    socket.closedBy(1006);
    await harness.clock.advance(500);
    harness.socket.welcome({ subs: { [channel]: { presence: list(9, [ada, bob]) } as object } });
    await harness.clock.advance(10_000);
    expect(harness.socket.frames).toHaveLength(1);
    expect(room.presence).toMatchObject({ version: 9, users: 2 });
    harness.client.close();
    expect(harness.clock.timers).toBe(0);
  });

  it("can be wanted later, which asks for the channel anew", async () => {
    const harness = new ClientHarness();
    const first = harness.client.subscribe(channel);
    const socket = await harness.connected({ subs: { [channel]: {} } });
    expect(first.presence).toBeUndefined();
    harness.client.subscribe(channel, undefined, { presence: "snapshot" });
    await settled();
    expect(socket.frames[1]).toMatchObject({ unsubscribe: { channel } });
    socket.receive({ id: socket.frames[1]?.id, unsubscribe: {} });
    await settled();
    expect(socket.frames[2]).toMatchObject({ subscribe: { channel, presence: true } });
    expect(socket.frames[2]).not.toHaveProperty("subscribe.joinLeave");
    socket.receive({ id: socket.frames[2]?.id, subscribe: { presence: list(1, [ada]) } });
    expect(first.presence?.users).toBe(1);
  });

  it("takes nothing for a member that is none", async () => {
    const { harness, notes, socket } = await followed();
    socket.receive(join({ user: "eve" }, 5), join(ada, -1), { presence: { channel, version: 5 } });
    expect(harness.errors.map(({ name }) => name)).toEqual(["malformed", "malformed", "malformed"]);
    expect(notes).toHaveLength(1);
  });
});

describe("presence() and send()", () => {
  it("read a page, and pass a message on", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const page = harness.client.presence(channel, { limit: 1 });
    const sent = harness.client.send({ a: 1 });
    await settled();
    expect(socket.frames.slice(1)).toEqual([
      { id: 2, presence: { channel, limit: 1 } },
      { id: 3, send: { data: { a: 1 } } },
    ]);
    socket.receive({ id: 2, presence: { ...list(3, [ada]), sessions: 9, next: "n" } }, { id: 3, send: {} });
    expect(await page).toMatchObject({ version: 3, sessions: 9, members: [ada], next: "n" });
    await sent;
    await expect(harness.client.send(undefined as never)).rejects.toMatchObject({ name: "bad_request" });
  });
});
