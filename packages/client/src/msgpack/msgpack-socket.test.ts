import { describe, expect, it } from "@jest/globals";
import { decodeMulti, encode } from "@msgpack/msgpack";
import { Client } from "../client.js";
import { ClientHarness } from "../testing/client-harness.js";
import { eventually } from "../testing/eventually.js";
import { settled } from "../testing/fake-clock.js";
import { type FakeWebSocket, WELCOME } from "../testing/fake-web-socket.js";
import { TinyGateway } from "../testing/tiny-gateway.js";
import type { Publication } from "../wire/inbound.js";
import { msgpack } from "./index.js";

/** What the client sent: frames, message by message. */
function sent(socket: FakeWebSocket): unknown[][] {
  return socket.sent.map((message) => [...decodeMulti(message as unknown as Uint8Array)]);
}

/** A message of these frames, as a socket gives it. */
function receive(socket: FakeWebSocket, ...frames: Uint8Array[]): void {
  const bytes = Buffer.concat(frames);
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  socket.receiveData(data);
}

async function connected(harness: ClientHarness): Promise<FakeWebSocket> {
  harness.client.connect();
  await settled();
  const { socket } = harness;
  socket.open();
  receive(socket, encode({ id: 1, connect: WELCOME }));
  await settled();
  return socket;
}

describe("a client with MessagePack", () => {
  it("asks for its subprotocol, connects, and sends several commands as one message", async () => {
    const harness = new ClientHarness({ encoding: msgpack });
    const socket = await connected(harness);
    expect(socket.protocols).toBe("holdfast.v1.msgpack");
    expect((socket as { binaryType?: string }).binaryType).toBe("arraybuffer");
    expect(harness.client.state.name).toBe("connected");
    const bytes = new Uint8Array([0, 255, 10]);
    harness.client.publish("demo:a", bytes, { key: "k" }).catch(() => {});
    harness.client.publish("demo:a", { a: [1, "ü"] }).catch(() => {});
    await settled();
    expect(sent(socket).slice(1)).toEqual([
      [
        { id: 2, publish: { channel: "demo:a", data: bytes, key: "k" } },
        { id: 3, publish: { channel: "demo:a", data: { a: [1, "ü"] } } },
      ],
    ]);
  });

  it("hears bytes in memory of their own, and integers with all their digits", async () => {
    const harness = new ClientHarness({ encoding: msgpack });
    const heard: Publication<unknown>[] = [];
    harness.client.subscribe<unknown>("a", (publication) => heard.push(publication));
    const socket = await connected(harness);
    const { id } = sent(socket).flat().at(-1) as { id: number };
    receive(socket, encode({ id, subscribe: {} }));
    await settled();
    const big = encode(
      { publication: { channel: "a", data: [2n ** 63n, 2 ** 40, 7] } },
      { useBigInt64: true },
    );
    receive(
      socket,
      encode({ publication: { channel: "a", data: new Uint8Array([1, 2]), bytes: true } }),
      big,
    );
    await settled();
    expect(heard.map(({ data }) => data)).toEqual([new Uint8Array([1, 2]), [2n ** 63n, 2 ** 40, 7]]);
    const [{ data: first } = {}] = heard as { data?: Uint8Array }[];
    expect(first?.buffer.byteLength).toBe(2);
    expect(harness.errors).toEqual([]);
  });

  it("answers a ping, and reports what it cannot read", async () => {
    const harness = new ClientHarness({ encoding: msgpack });
    const socket = await connected(harness);
    receive(socket, encode({}));
    expect(sent(socket).at(-1)).toEqual([{}]);
    receive(socket, new Uint8Array([0xc1]));
    receive(socket, encode(7));
    socket.receiveData("{}");
    await settled();
    expect(harness.errors.map(({ name }) => name)).toEqual(["malformed", "malformed"]);
    expect(harness.client.state.name).toBe("connected");
  });
});

describe.each(["sse", "poll"] as const)("a client with MessagePack over %s", (transport) => {
  it("carries JSON, and has bytes as bytes all the same, live and in what was missed", async () => {
    const gateway = await TinyGateway.start();
    const options = { transports: [transport], encoding: msgpack };
    const client = new Client(gateway.url, options);
    const late = new Client(gateway.url, options);
    try {
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      // What an application publishes may look like bytes: it stays what it is.
      const lookalike = { data: "AAAA", bytes: true, publications: [{ data: "AAAA", bytes: true }] };
      const values = [all, new Uint8Array(), lookalike];
      const heard: unknown[] = [];
      client.subscribe<unknown>("demo:a", ({ data }) => heard.push(data));
      await client.connect();
      for (const value of values) await client.publish("demo:a", value);
      await eventually(() => heard.length === values.length);
      const missed: unknown[] = [];
      const since = { offset: 0, epoch: "e1" };
      late.subscribe<unknown>("demo:a", ({ data }) => missed.push(data), { since });
      await late.connect();
      await eventually(() => missed.length === values.length);
      expect([heard, missed]).toEqual([values, values]);
    } finally {
      client.close();
      late.close();
      await gateway.close();
    }
  });
});

describe("a client without an encoding", () => {
  it("has bytes as their base64, with the mark", async () => {
    const harness = new ClientHarness();
    const heard: Publication[] = [];
    harness.client.subscribe("a", (publication) => heard.push(publication));
    const socket = await harness.connected();
    const { id } = socket.frames.at(-1) as { id: number };
    socket.receive({ id, subscribe: {} }, { publication: { channel: "a", data: "AP8=", bytes: true } });
    await settled();
    expect(heard).toEqual([{ channel: "a", data: "AP8=", bytes: true }]);
  });
});
