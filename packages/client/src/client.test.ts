import { errors, type Json } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "./testing/client-harness.js";
import { settled } from "./testing/fake-clock.js";
import { SID, WELCOME } from "./testing/fake-web-socket.js";
import { clientErrors } from "./wire/errors.js";

describe("connect()", () => {
  it("resolves at the connect reply, and at once when there is a connection", async () => {
    const harness = new ClientHarness();
    const first = harness.client.connect();
    await harness.connected();
    await first;
    await harness.client.connect();
    expect(harness.states).toEqual([
      { name: "connecting", attempt: 1 },
      { name: "connected", sid: SID, limits: WELCOME.limits, transport: "websocket" },
    ]);
    expect(harness.network.sockets).toHaveLength(1);
  });

  it("rejects when the client closes first", async () => {
    const { client } = new ClientHarness();
    const connecting = client.connect();
    client.close();
    await expect(connecting).rejects.toMatchObject({ name: "closed", code: 7, temporary: false });
    expect(client.state).toEqual({
      name: "closed",
      by: "client",
      code: 1000,
      reason: "closed by the client",
    });
  });

  it("rejects with the code of a server that forbids to come back", async () => {
    const harness = new ClientHarness();
    const connecting = harness.client.connect();
    await settled();
    harness.socket.open();
    harness.socket.closedBy(3504, "revoked");
    await expect(connecting).rejects.toMatchObject({ name: "revoked", code: 3504, temporary: false });
    expect(harness.client.state).toMatchObject({ name: "closed", by: "server", code: 3504 });
  });

  it("says what carries the connection, and keeps its state between two events", async () => {
    const harness = new ClientHarness();
    const { client } = harness;
    const seen = [client.state];
    client.on("state", (state) => seen.push(state));
    expect(client.transport).toBeUndefined();
    await harness.connected();
    expect(client.transport).toBe("websocket");
    expect(client.state).toBe(client.state);
    expect(client.state).toBe(seen.at(-1));
    client.close();
    expect(client.transport).toBeUndefined();
    expect(client.state).toBe(seen.at(-1));
  });
});

describe("publish()", () => {
  it("resolves when the server has taken it, and rejects with its error", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const good = harness.client.publish("demo:lobby", { text: "hi\nthere" });
    const bad = harness.client.publish("news", 1);
    await settled();
    expect(socket.sent).toHaveLength(2);
    expect(socket.frames.slice(1)).toEqual([
      { id: 2, publish: { channel: "demo:lobby", data: { text: "hi\nthere" } } },
      { id: 3, publish: { channel: "news", data: 1 } },
    ]);
    socket.receive({ id: 3, error: errors.forbidden }, { id: 2, publish: {} });
    await good;
    await expect(bad).rejects.toMatchObject({ ...errors.forbidden });
  });

  it("rejects at once without a connection: temporary unless the client is closed", async () => {
    const { client } = new ClientHarness();
    await expect(client.publish("demo:a", 1)).rejects.toMatchObject({ ...clientErrors.disconnected });
    client.connect();
    await expect(client.publish("demo:a", 1)).rejects.toMatchObject({ temporary: true });
    client.close();
    await expect(client.publish("demo:a", 1)).rejects.toMatchObject({ ...clientErrors.closed });
  });

  it("rejects when no answer comes, or the connection goes first", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const slow = harness.client.publish("demo:a", 1);
    await harness.clock.advance(9_999);
    const cut = harness.client.publish("demo:a", 2);
    await harness.clock.advance(1);
    await expect(slow).rejects.toMatchObject({ ...clientErrors.timeout });
    socket.closedBy(1006);
    await expect(cut).rejects.toMatchObject({ ...clientErrors.disconnected });
  });

  it("refuses what would make the server end the connection", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected({ limits: { ...WELCOME.limits, maxPayload: 100 } });
    const { client } = harness;
    await expect(client.publish("demo:a", "é".repeat(40))).rejects.toMatchObject({ ...errors.tooBig });
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    let deep: Json = 1;
    for (let i = 0; i < 63; i++) deep = [deep];
    for (const data of [undefined, cyclic, deep]) {
      await expect(client.publish("demo:a", data as Json)).rejects.toMatchObject({ name: "bad_request" });
    }
    await expect(client.publish("demo:a", 1n as unknown as Json)).rejects.toThrow(TypeError);
    expect(socket.sent).toHaveLength(1);
    void client.publish("demo:a", 1);
    await settled();
    expect(socket.frames[1]).toHaveProperty("id", 2);
  });
});

describe("history()", () => {
  it("asks what it was asked, and names the channel in each publication", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const options = { since: { offset: 9, epoch: "a" }, limit: 2, reverse: true };
    const history = harness.client.history("news", options);
    await settled();
    expect(socket.frames[1]).toEqual({ id: 2, history: { channel: "news", ...options } });
    const publications = [
      { offset: 8, data: "x" },
      { offset: 7, data: null },
    ];
    socket.receive({ id: 2, history: { offset: 9, epoch: "a", publications } });
    expect(await history).toEqual({
      offset: 9,
      epoch: "a",
      publications: publications.map((each) => ({ channel: "news", ...each })),
    });
  });

  it("rejects with the server's error, and for an answer that is none", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const refused = harness.client.history("news");
    const broken = harness.client.history("news", { limit: 0 });
    await settled();
    socket.receive({ id: 2, error: errors.noHistory }, { id: 3, history: { publications: [] } });
    await expect(refused).rejects.toMatchObject({ ...errors.noHistory });
    await expect(broken).rejects.toMatchObject({ ...clientErrors.malformed });
  });
});

describe("messages of the backend", () => {
  it("reach the client's listeners, data and nothing else", async () => {
    const harness = new ClientHarness();
    const got: unknown[] = [];
    harness.client.on("message", (data) => got.push(["message", data]));
    const off = harness.client.on("broadcast", (data) => got.push(["broadcast", data]));
    const socket = await harness.connected();
    socket.receive({ message: { data: { a: 1 } } }, { broadcast: { data: "all" } });
    off();
    socket.receive({ broadcast: { data: "again" } });
    expect(got).toEqual([
      ["message", { a: 1 }],
      ["broadcast", "all"],
    ]);
  });
});
