import { disconnects, errors } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "./testing/client-harness.js";
import { settled } from "./testing/fake-clock.js";

/** Gives t1, t2, … */
function tokens(): () => string {
  let asked = 0;
  return () => `t${++asked}`;
}

describe("the client's identity", () => {
  it("is what the server says, while there is a connection", async () => {
    const harness = new ClientHarness({ token: "t" });
    expect(harness.client.user).toBeUndefined();
    const socket = await harness.connected({ user: "ada" });
    expect(harness.client.user).toBe("ada");
    expect(harness.client.state).toMatchObject({ name: "connected", user: "ada" });
    socket.closedBy(1006);
    expect(harness.client.user).toBeUndefined();
  });

  it("comes with a new token where the old one has expired, but not with the same one for ever", async () => {
    for (const [options, attempts] of [
      [{ getToken: tokens() }, ["t1", "t2"]],
      [{ token: "t" }, ["t"]],
    ] as const) {
      const harness = new ClientHarness(options);
      harness.client.connect();
      await settled();
      harness.socket.open();
      harness.socket.receive({ id: 1, error: errors.tokenExpired });
      await harness.clock.advance(1_000);
      for (const socket of harness.network.sockets.slice(1)) socket.open();
      expect(harness.network.sockets.map((socket) => socket.frames[0])).toEqual(
        attempts.map((token) => ({ id: 1, connect: expect.objectContaining({ token }) })),
      );
      expect(harness.client.state.name).toBe(attempts.length > 1 ? "connecting" : "closed");
    }
  });

  it("comes back with a new token after `expired`", async () => {
    const harness = new ClientHarness({ getToken: tokens() });
    const socket = await harness.connected();
    socket.receive({ disconnect: { code: disconnects.expired.code, reason: "expired", reconnect: true } });
    await harness.clock.advance(1_000);
    harness.socket.open();
    expect(harness.socket.frames[0]).toHaveProperty("connect.token", "t2");
  });
});

describe("a token that is about to end", () => {
  it("is replaced in the first half of the time that is left, and the proof of the session with it", async () => {
    const harness = new ClientHarness({ getToken: tokens() });
    const socket = await harness.connected({ resumeToken: "old" });
    socket.receive({ refresh: { deadline: 20_000 } });
    await harness.clock.advance(4_999);
    expect(socket.frames).toHaveLength(1);
    await harness.clock.advance(1);
    await settled();
    expect(socket.frames[1]).toEqual({ id: 2, refresh: { token: "t2" } });
    socket.receive({ id: 2, refresh: { expiresAt: 1, resumeToken: "new" } });
    socket.closedBy(1006);
    await harness.clock.advance(1_000);
    harness.socket.open();
    expect(harness.socket.frames[0]).toHaveProperty("connect.resume.token", "new");
  });

  it("is told of when there is no other, or the server does not want it", async () => {
    let token: string | undefined = "t";
    const harness = new ClientHarness({
      getToken: () => {
        if (token === undefined) throw new Error("logged out");
        return token;
      },
    });
    const socket = await harness.connected();
    socket.receive({ refresh: { deadline: 1_000 } });
    await harness.clock.advance(1_000);
    socket.receive({ id: 2, error: errors.wrongUser });
    token = undefined;
    socket.receive({ refresh: { deadline: 1_000 } });
    await harness.clock.advance(1_000);
    expect(harness.errors.map(({ name }) => name)).toEqual(["wrong_user", "token"]);
    expect(harness.client.state.name).toBe("connected");
  });

  it("is dropped once the connection has ended", async () => {
    const harness = new ClientHarness({ getToken: tokens() });
    const socket = await harness.connected();
    socket.receive({ refresh: { deadline: 20_000 } });
    harness.client.close();
    expect(harness.clock.timers).toBe(0);
  });
});

describe("a subscription with a token of its own", () => {
  const subscribed = async () => {
    const harness = new ClientHarness();
    const room = harness.client.subscribe("room:1", undefined, { token: tokens() });
    const ended: unknown[] = [];
    room.on("unsubscribed", ({ error }) => ended.push(error?.name));
    const socket = await harness.connected();
    await settled();
    return { harness, room, socket, ended };
  };

  it("asks for the channel once it has the token", async () => {
    const { room, socket } = await subscribed();
    expect(socket.frames[0]).toHaveProperty("connect.subs", {});
    expect(socket.frames[1]).toEqual({ id: 2, subscribe: { channel: "room:1", token: "t1" } });
    socket.receive({ id: 2, subscribe: {} });
    expect(room.state).toBe("subscribed");
    socket.receive({ refresh: { channel: "room:1", deadline: 1_000 } });
  });

  it("asks with another one when that has expired, on its way or later", async () => {
    const { harness, room, socket, ended } = await subscribed();
    socket.receive({ id: 2, error: errors.tokenExpired });
    await harness.clock.advance(500);
    expect(socket.frames[2]).toEqual({ id: 3, subscribe: { channel: "room:1", token: "t2" } });
    socket.receive({ id: 3, subscribe: { offset: 7, epoch: "a" } });
    socket.receive({ unsubscribed: { channel: "room:1", code: disconnects.expired.code } });
    expect(room.state).toBe("subscribing");
    await harness.clock.advance(1_000);
    expect(socket.frames[3]).toEqual({
      id: 4,
      subscribe: { channel: "room:1", token: "t3", since: { offset: 7, epoch: "a" } },
    });
    expect(ended).toEqual([]);
  });

  it("brings another one when it is asked to", async () => {
    const { harness, socket } = await subscribed();
    socket.receive({ id: 2, subscribe: {} }, { refresh: { channel: "room:1", deadline: 4_000 } });
    await harness.clock.advance(1_000);
    await settled();
    expect(socket.frames[2]).toEqual({ id: 3, refresh: { token: "t2" } });
  });

  it("ends with its reason where the channel is taken away for good", async () => {
    const { socket, room, ended } = await subscribed();
    socket.receive({ id: 2, subscribe: {} });
    socket.receive({ unsubscribed: { channel: "room:1", code: disconnects.revoked.code } });
    expect([room.state, ended]).toEqual(["unsubscribed", ["revoked"]]);
  });

  it("waits for a token only so long, and tries again", async () => {
    const harness = new ClientHarness();
    harness.client.subscribe("room:1", undefined, { token: () => new Promise(() => {}) });
    await harness.connected();
    await harness.clock.advance(10_000);
    expect(harness.errors.map(({ name }) => name)).toEqual(["token"]);
    harness.client.close();
    expect(harness.clock.timers).toBe(0);
  });

  it("that is given up while its token is awaited asks for nothing", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const room = harness.client.subscribe("room:1", undefined, { token: tokens() });
    room.unsubscribe();
    await settled();
    expect(socket.frames).toHaveLength(1);
    expect(harness.clock.timers).toBe(1);
  });
});

describe("channels that the server gives", () => {
  it("are heard by the client, until a subscription is for them", async () => {
    const harness = new ClientHarness();
    const heard: unknown[] = [];
    harness.client.on("publication", ({ channel, data }) => heard.push([channel, data]));
    const socket = await harness.connected({ subs: { "user:ada": {} } });
    socket.receive({ publication: { channel: "user:ada", data: 1 } });
    expect(heard).toEqual([["user:ada", 1]]);
  });

  it("are announced, where the application has not asked for them", async () => {
    const harness = new ClientHarness();
    const heard: unknown[] = [];
    harness.client.on("subscribed", ({ channel }) => heard.push(channel));
    const socket = await harness.connected();
    harness.client.subscribe("demo:a");
    for (const channel of ["room:1", "demo:a"])
      socket.receive({ subscribed: { channel, offset: 5, epoch: "a" } });
    expect(heard).toEqual(["room:1"]);
  });
});
