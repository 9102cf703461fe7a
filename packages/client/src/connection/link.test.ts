import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";
import { MAX_MESSAGE_LENGTH } from "./link.js";

describe("a connection that is opening", () => {
  it("names the subprotocol, and sends connect as its first frame", async () => {
    const { client, network } = new ClientHarness({ token: "jwt", name: "app/1" });
    client.subscribe("news");
    client.connect();
    await settled();
    expect(network.socket).toMatchObject({ url: "ws://gateway.test/ws", protocols: "holdfast.v1.json" });
    network.socket.open();
    expect(network.socket.frames).toEqual([
      { id: 1, connect: { token: "jwt", client: "app/1", subs: { news: null } } },
    ]);
  });

  it("gives up when there is no connect reply in time", async () => {
    const { client, clock, network } = new ClientHarness({
      connectTimeoutMs: 5_000,
      commandTimeoutMs: 60_000,
    });
    client.connect();
    await settled();
    await clock.advance(3_000);
    network.socket.open();
    await clock.advance(1_999);
    expect(client.state.name).toBe("connecting");
    await clock.advance(1);
    expect(client.state).toMatchObject({ name: "waiting", reason: "no connect reply" });
    expect(network.live).toBe(0);
  });

  it("takes a refused connect for an ending, final only if the error is", async () => {
    const refuse = async (temporary: boolean): Promise<string> => {
      const { client, socket } = await opened();
      socket.receive({ id: 1, error: { code: 101, name: "unauthorized", message: "No.", temporary } });
      return client.state.name;
    };
    expect(await refuse(true)).toBe("waiting");
    expect(await refuse(false)).toBe("closed");
  });

  it("comes back from a connect reply without a session", async () => {
    const { client, errors, socket } = await opened();
    socket.receive({ id: 1, connect: {} });
    expect(client.state).toMatchObject({ name: "waiting", reason: "no session" });
    expect(errors.map(({ name }) => name)).toEqual(["malformed"]);
  });
});

describe("a connection that is open", () => {
  it("answers each ping at once", async () => {
    const socket = await new ClientHarness().connected();
    socket.receive({});
    expect(socket.sent.at(-1)).toBe("{}");
  });

  it("is dead after 1.5 pings + pongTimeout of silence, counted from the last message", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected({ ping: 1_000, pongTimeout: 500 });
    await harness.clock.advance(1_000);
    socket.receive({});
    await harness.clock.advance(1_999);
    expect(harness.client.state.name).toBe("connected");
    await harness.clock.advance(1);
    expect(harness.client.state).toMatchObject({ name: "waiting", reason: "the server fell silent" });
    expect(socket.readyState).toBe("closed");
  });

  it("expects no sound of a server that does not ping", async () => {
    const harness = new ClientHarness();
    await harness.connected({ ping: 0 });
    expect(harness.clock.timers).toBe(0);
  });

  it("reports what is malformed and reads on", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const seen: unknown[] = [];
    harness.client.on("broadcast", (data) => seen.push(data));
    socket.receive("{", "[]", "null", { publication: 1 }, { broadcast: { data: 1 } });
    socket.receive("");
    socket.receiveBinary();
    socket.receive("x".repeat(MAX_MESSAGE_LENGTH + 1));
    socket.receive({ broadcast: { data: 2 } });
    expect(seen).toEqual([1, 2]);
    expect(harness.errors.map(({ name }) => name)).toEqual(Array(7).fill("malformed"));
    expect(Math.max(...harness.errors.map(({ message }) => message.length))).toBeLessThan(300);
    expect(harness.client.state.name).toBe("connected");
  });

  it("ignores pushes and replies that it does not know", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    socket.receive(
      { gap: { channel: "news" } },
      { someday: 1 },
      { id: 99, publish: {} },
      { id: -1, what: {} },
    );
    socket.receive({ publication: { channel: "constructor", data: 1 } });
    expect(harness.errors).toEqual([]);
  });

  it("hears nothing more once it has ended in the middle of a message", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const seen: unknown[] = [];
    harness.client.on("message", (data) => {
      seen.push(data);
      harness.client.close();
    });
    socket.receive({ message: { data: 1 } }, { message: { data: 2 } });
    socket.fail("late");
    socket.closedBy(1006);
    expect(seen).toEqual([1]);
    expect(harness.errors).toEqual([]);
  });

  it("reports what the socket says is wrong", async () => {
    const harness = new ClientHarness();
    (await harness.connected()).fail("read ECONNRESET");
    expect(harness.errors[0]).toMatchObject({
      name: "transport",
      message: "read ECONNRESET",
      temporary: true,
    });
  });
});

async function opened(): Promise<ClientHarness> {
  const harness = new ClientHarness();
  harness.client.connect();
  await settled();
  harness.socket.open();
  return harness;
}
