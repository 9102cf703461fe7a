import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type BareFrames, codecs, type Transport } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { type DisconnectCode, disconnects, SUBPROTOCOL } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import type { TcpListener } from "../../runtime/tcp-listener.js";
import { RefusalBrake } from "../http/refusal-brake.js";
import type { WebSocketEngine } from "../http/websocket-engine.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { ENGINES, makeEngine } from "../websocket-library/testing/engines.js";
import { WebSocketFraming } from "./framing.js";
import { listen } from "./testing/listen.js";
import type { SocketConnection, WebSocketTransport } from "./transport.js";

const MAX_PAYLOAD = 10_000;
const ACCEPTANCE = {
  kind: "accept",
  codec: codecs.lines,
  subprotocol: undefined,
  channels: undefined,
  sid: undefined,
} as const;

const HEAD = [
  "GET /ws HTTP/1.1",
  "Host: x",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

/** Core's side of a connection: writes down what it hears, and can be waited for. */
class Ears implements SocketConnection {
  readonly heard: string[] = [];
  readonly transport: Transport;
  #wake: (() => void) | undefined;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  receive(message: string | Uint8Array | BareFrames): void {
    const isBytes = message instanceof Uint8Array;
    this.#hear(isBytes ? `bytes ${Buffer.from(message).toString("hex")}` : `text ${message}`);
  }

  alive(): void {
    this.#hear("alive");
  }

  /** Tenths of a command that it may still spend. */
  tenths = Number.POSITIVE_INFINITY;

  spend(tenths: number): boolean {
    this.tenths -= tenths;
    if (this.tenths >= 0) return true;
    this.disconnect(disconnects.limitRate);
    return false;
  }

  disconnect(row: DisconnectCode): void {
    if (!this.heard.includes(`disconnected ${row.name}`)) this.#hear(`disconnected ${row.name}`);
    this.transport.close(row.code, row.name);
  }

  refuse(row: DisconnectCode): void {
    this.transport.write(this.transport.framing.frame(`refused ${row.name}`));
    this.transport.close(row.code, row.name);
    this.#hear(`refused ${row.name}`);
  }

  closed(): void {
    this.#hear("closed");
  }

  async until(what: string): Promise<void> {
    while (!this.heard.includes(what))
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  #hear(what: string): void {
    this.heard.push(what);
    this.#wake?.();
  }
}

describe.each(ENGINES)("on the engine %s", (engine) => {
  let listener: TcpListener;
  let clock: FakeClock;
  let transports: WebSocketEngine;
  let port: number;
  let opened: Ears[];
  /** What core does while it opens a connection. */
  let onOpen: (transport: Transport) => void;
  let unfinished: UnfinishedMessages;
  /** Everything that a test opens. */
  let leftovers: { terminate?(): void; destroy?(): void }[];

  beforeEach(async () => {
    opened = [];
    onOpen = () => {};
    leftovers = [];
    clock = new FakeClock();
    unfinished = new UnfinishedMessages({ timeoutMs: 20_000, maxBytes: 40_000 }, clock);
    transports = makeEngine(engine, {
      opener: {
        open(transport) {
          const ears = new Ears(transport);
          opened.push(ears);
          onOpen(transport);
          return ears;
        },
      },
      maxPayload: MAX_PAYLOAD,
      unfinished,
      clock,
    });
    listener = await listen((handle, arrival) => {
      // As the upgrade decision chooses it.
      const isOffered = arrival.head.headers["sec-websocket-protocol"]?.includes(SUBPROTOCOL) ?? false;
      transports.accept(handle, arrival, { ...ACCEPTANCE, subprotocol: isOffered ? SUBPROTOCOL : undefined });
    });
    port = listener.port;
  });

  afterEach(async () => {
    for (const each of leftovers) (each.terminate ?? each.destroy)?.call(each);
    for (const ears of opened) ears.transport.terminate();
    await Promise.all(opened.map((ears) => ears.until("closed")));
    expect(transports.open).toBe(0);
    for (const ears of opened) expect(ears.heard.filter((what) => what === "closed")).toHaveLength(1);
    transports.close();
    expect(unfinished.bytes).toBe(0);
    unfinished.close();
    expect(clock.timers).toBe(0);
    listener.close();
  });

  async function client(protocols: string[] = []): Promise<[WebSocket, Ears]> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols);
    leftovers.push(socket);
    await once(socket, "open");
    return [socket, opened.at(-1)!];
  }

  /** A client that writes bytes of its own. */
  async function rawClient(first: Buffer = Buffer.alloc(0), allowHalfOpen = false): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen });
    leftovers.push(socket);
    socket.write(Buffer.concat([Buffer.from(HEAD), first]));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
    return socket;
  }

  /** The first piece that a client gets; nothing when there is none. */
  async function rawAnswer(): Promise<string> {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    leftovers.push(socket);
    socket.write(HEAD);
    const first = once(socket, "data") as Promise<[Buffer]>;
    const [answer] = await Promise.race([
      first,
      once(socket, "close").then(() => [Buffer.alloc(0)] as const),
    ]);
    return answer.toString("latin1");
  }

  function behindHead(answer: string): string {
    return answer.slice(answer.indexOf("\r\n\r\n") + 4);
  }

  /** A client's frame, with a mask of zeros. */
  function clientFrame(opcode: number, payload: Buffer): Buffer {
    return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0), payload]);
  }

  /** A frame with the first byte given: 0 and 1 are fragments that are not the last. */
  function fragment(first: number, payload: Buffer): Buffer {
    return Buffer.concat([Buffer.of(first, 0x80 | payload.length, 0, 0, 0, 0), payload]);
  }

  /** A whole message with a length of 16 bits, under a mask of zeros. */
  function largeFrame(text: string): Buffer {
    return Buffer.concat([
      Buffer.of(0x81, 0x80 | 126, text.length >> 8, text.length & 255, 0, 0, 0, 0),
      Buffer.from(text),
    ]);
  }

  /** What a client hears until it is closed: messages, then the code and the reason. */
  async function untilClosed(socket: WebSocket): Promise<string[]> {
    const heard: string[] = [];
    socket.on("message", (data: Buffer) => heard.push(data.toString()));
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    return [...heard, `${code} ${reason}`];
  }

  describe("a WebSocket transport", () => {
    it("answers with our subprotocol where it is offered", async () => {
      const [plain] = await client();
      expect(plain.protocol).toBe("");
      const [ours] = await client(["other", SUBPROTOCOL]);
      expect(ours.protocol).toBe(SUBPROTOCOL);
      expect(transports.open).toBe(2);
    });

    it("hands texts over whole, in order", async () => {
      const [socket, ears] = await client();
      socket.send("one");
      socket.send("", { fin: true });
      socket.send("ü".repeat(3_000));
      socket.send("three", { fin: false });
      socket.send(" parts", { fin: true });
      socket.send("end");
      await ears.until("text end");
      expect(ears.heard).toEqual([
        "text one",
        "text ",
        `text ${"ü".repeat(3_000)}`,
        "text three parts",
        "text end",
      ]);
    });

    it("loses nothing that came right behind the request", async () => {
      await rawClient(
        Buffer.concat([clientFrame(1, Buffer.from("early")), clientFrame(1, Buffer.from("bird"))]),
      );
      const ears = opened[0]!;
      await ears.until("text bird");
      expect(ears.heard).toEqual(["text early", "text bird"]);
    });

    it("writes frames in the order of the calls, several in one piece as well", async () => {
      const [socket, { transport }] = await client();
      const heard: string[] = [];
      socket.on("message", (data: Buffer) => heard.push(data.toString()));
      const { framing } = transport;
      transport.write(framing.frame("one"));
      transport.write(Buffer.concat([framing.frame("two"), framing.frame("x".repeat(70_000))]));
      transport.write(framing.frame("ü"));
      transport.close(3000, "drain");
      const [code, reason] = (await once(socket, "close")) as [number, Buffer];
      expect(heard).toEqual(["one", "two", "x".repeat(70_000), "ü"]);
      expect([code, reason.toString()]).toEqual([3000, "drain"]);
    });

    it("counts what waits for a client that does not read", async () => {
      const [socket, { transport }] = await client();
      expect(transport.bufferedBytes).toBe(0);
      socket.pause();
      const frame = transport.framing.frame("x".repeat(1_000_000));
      while (transport.bufferedBytes === 0) transport.write(frame);
      expect(transport.bufferedBytes).toBeGreaterThan(0);
      socket.resume();
    });

    it("answers pings with what they carry", async () => {
      const [socket] = await client();
      socket.ping("x");
      const [data] = (await once(socket, "pong")) as [Buffer];
      expect(data.toString()).toBe("x");
    });

    it("does not fill its memory with answers for a client that floods it with pings and reads nothing", async () => {
      const socket = await rawClient();
      socket.pause();
      const ears = opened[0]!;
      const pings = Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame(9, Buffer.alloc(125))));
      for (let sent = 0; sent < 20_000_000; sent += pings.length) {
        await new Promise((resolve) => socket.write(pings, resolve));
      }
      socket.write(clientFrame(1, Buffer.from("end")));
      await ears.until("text end");
      expect(ears.transport.bufferedBytes).toBeLessThan(70_000);
    });

    it("answers the newest of the pings of a client that reads again, and none of those it replaces", async () => {
      const socket = await rawClient();
      socket.pause();
      const ears = opened[0]!;
      const { transport } = ears;
      const filler = transport.framing.frame("f".repeat(500_000));
      while (transport.bufferedBytes < 2_000_000) transport.write(filler);
      const pings = Array.from({ length: 40 }, (_, i) => clientFrame(9, Buffer.from(`ping number ${i}!`)));
      socket.write(Buffer.concat([...pings, clientFrame(1, Buffer.from("asked"))]));
      await ears.until("text asked");
      transport.close(3000, "drain");
      let tail = "";
      socket.on("data", (bytes: Buffer) => {
        tail = (tail + bytes.toString("latin1")).slice(-200);
      });
      socket.resume();
      while (!tail.includes("drain")) await once(socket, "data");
      expect(tail).toContain("\x8a\x0fping number 39!\x88\x07");
      expect(tail.match(/ping number/g)).toHaveLength(1);
    });

    it.each([
      ["pings", () => clientFrame(9, Buffer.alloc(3))],
      ["pongs", () => clientFrame(10, Buffer.alloc(0))],
      ["empty fragments", (i: number) => fragment(i === 0 ? 1 : 0, Buffer.alloc(0))],
      ["fragments of a byte", (i: number) => fragment(i === 0 ? 1 : 0, Buffer.from("x"))],
    ])("charges %s, and reads no more of a client that has nothing left", async (_what, frame) => {
      const socket = await rawClient();
      const ears = opened[0]!;
      ears.tenths = 30;
      socket.write(Buffer.concat(Array.from({ length: 33 }, (_, i) => frame(i))));
      await ears.until("disconnected limit_rate");
      socket.write(clientFrame(1, Buffer.from("unheard")));
      await ears.until("closed");
      expect(ears.heard).not.toContain("text unheard");
      expect(unfinished.bytes).toBe(0);
    });

    it("charges a client that sends a message byte by byte, and none that sends it in segments", async () => {
      const slow = await rawClient();
      slow.setNoDelay(true);
      const [dripping] = opened as [Ears];
      dripping.tenths = 5;
      const message = fragment(0x81, Buffer.from("x".repeat(120)));
      for (const byte of message.subarray(0, 100)) {
        await new Promise((resolve) => slow.write(Buffer.of(byte), resolve));
        await new Promise(setImmediate);
        if (dripping.tenths < 0) break;
      }
      await dripping.until("disconnected limit_rate");
      const fast = await rawClient();
      const ears = opened[1]!;
      ears.tenths = 0;
      const large = largeFrame("y".repeat(9_000));
      for (let from = 0; from < large.length; from += 1_400)
        await new Promise((resolve) => fast.write(large.subarray(from, from + 1_400), resolve));
      await ears.until(`text ${"y".repeat(9_000)}`);
      expect(ears.tenths).toBe(0);
    });

    it("charges what comes after a goodbye, and hears no more of it when nothing is left", async () => {
      const socket = await rawClient();
      const ears = opened[0]!;
      ears.transport.close(3000, "drain");
      ears.tenths = 12;
      for (let i = 0; i < 20; i++) socket.write(clientFrame(1, Buffer.from("after all")));
      await once(socket, "end");
      expect(ears.tenths).toBe(-1);
    });

    it("ends the connection of a message whose rest does not come", async () => {
      const whole = await rawClient();
      const half = await rawClient();
      const fragmented = await rawClient();
      whole.write(clientFrame(1, Buffer.from("whole")));
      half.write(largeFrame("z".repeat(5_000)).subarray(0, 3_000));
      fragmented.write(fragment(1, Buffer.from("begin")));
      const [first, second, third] = opened as [Ears, Ears, Ears];
      await first.until("text whole");
      while (unfinished.size < 2) await new Promise(setImmediate);
      clock.advance(19_000);
      // Neither more of the message nor a ping in between gives it more time.
      half.write(Buffer.alloc(300));
      fragmented.write(Buffer.concat([fragment(0, Buffer.from("more")), clientFrame(9, Buffer.alloc(0))]));
      await third.until("alive");
      clock.advance(2_000);
      await second.until("disconnected unfinished");
      await third.until("disconnected unfinished");
      await second.until("closed");
      await third.until("closed");
      expect(unfinished.bytes).toBe(0);
      whole.write(clientFrame(1, Buffer.from("still here")));
      await first.until("text still here");
    });

    it("gives each message its own time, however they lie in segments", async () => {
      const socket = await rawClient();
      const ears = opened[0]!;
      const bytes = largeFrame("w".repeat(2_000));
      socket.write(bytes.subarray(0, 500));
      for (let i = 0; i < 4; i++) {
        while (unfinished.size === 0) await new Promise(setImmediate);
        clock.advance(15_000);
        ears.heard.length = 0;
        socket.write(Buffer.concat([bytes.subarray(500), bytes.subarray(0, 500)]));
        await ears.until(`text ${"w".repeat(2_000)}`);
      }
      expect(ears.heard).not.toContain("disconnected unfinished");
    });

    it("holds no more of unfinished messages than the budget: the oldest ends", async () => {
      const sockets = [];
      for (let i = 0; i < 8; i++) {
        const socket = await rawClient();
        sockets.push(socket);
        socket.write(largeFrame("v".repeat(9_900)).subarray(0, 9_000));
        while (unfinished.bytes === 0 || unfinished.size < Math.min(i + 1, 4))
          await new Promise(setImmediate);
      }
      await opened[0]!.until("disconnected unfinished");
      await opened[3]!.until("disconnected unfinished");
      expect(unfinished.bytes).toBeLessThanOrEqual(40_000);
      sockets[7]!.write(Buffer.alloc(908, "v"));
      await opened[7]!.until(`text ${"v".repeat(9_900)}`);
    });

    it("takes pings and pongs as signs of life, and pings when asked", async () => {
      const [socket, ears] = await client();
      socket.ping("x");
      await ears.until("alive");
      ears.heard.length = 0;
      ears.transport.ping();
      await once(socket, "ping");
      await ears.until("alive");
    });

    it("does nothing after it was closed", async () => {
      const [socket, ears] = await client();
      const { transport } = ears;
      transport.close(3000, "drain");
      transport.write(transport.framing.frame("too late"));
      transport.ping();
      transport.close(3001, "again");
      expect(await untilClosed(socket)).toEqual(["3000 drain"]);
      await ears.until("closed");
      transport.write(transport.framing.frame("too late"));
      transport.ping();
      transport.close(3000, "drain");
      transport.terminate();
    });

    it("ends at once when terminated", async () => {
      const [socket, ears] = await client();
      ears.transport.terminate();
      await ears.until("closed");
      expect(await untilClosed(socket)).toEqual(["1006 "]);
    });

    it("says once that the client closed, whichever way", async () => {
      const [polite, first] = await client();
      polite.close(1000, "bye");
      await first.until("closed");
      const [rude, second] = await client();
      rude.terminate();
      await second.until("closed");
      const bare = await rawClient();
      bare.end();
      await opened[2]!.until("closed");
    });
  });

  describe("a refusal, where they come fast", () => {
    let brake: RefusalBrake;
    let own: TcpListener;
    let slow: WebSocketEngine;

    beforeEach(async () => {
      brake = new RefusalBrake(clock, () => {}, { perSecond: 0, delayMs: 2_000, maxHeld: 10 });
      const opener = {
        open(transport: Transport) {
          const ears = new Ears(transport);
          opened.push(ears);
          return ears;
        },
      };
      slow = makeEngine(engine, { opener, maxPayload: MAX_PAYLOAD, unfinished, clock, brake });
      own = await listen((handle, arrival) => slow.accept(handle, arrival, ACCEPTANCE));
      port = own.port;
    });
    afterEach(() => {
      expect(slow.open).toBe(0);
      expect(brake.size).toBe(0);
      slow.close();
      own.close();
    });

    it("is told at once and closes late; what the client sends meanwhile is dropped", async () => {
      const [socket, ears] = await client();
      const all = untilClosed(socket);
      ears.refuse(disconnects.forbidden);
      socket.send("may I?");
      expect(brake.size).toBe(1);
      await once(socket, "message");
      clock.advance(2_500);
      expect(await all).toEqual(["refused forbidden", "3503 forbidden"]);
      await ears.until("closed");
      expect(ears.heard).not.toContain("text may I?");
    });

    it("waits for no client that goes by itself, and a violation is answered at once", async () => {
      const [polite, first] = await client();
      first.refuse(disconnects.forbidden);
      polite.close(1000, "bye");
      await first.until("closed");
      const bare = await rawClient();
      const second = opened[1] as Ears;
      second.refuse(disconnects.forbidden);
      bare.end();
      await second.until("closed");
      const broken = await rawClient();
      broken.resume();
      broken.write(clientFrame(3, Buffer.of(0x61)));
      await (opened[2] as Ears).until("closed");
    });

    it("closes at once with a code that asks the client to come back", async () => {
      const [socket, ears] = await client();
      ears.transport.close(3000, "drain");
      expect(await untilClosed(socket)).toEqual(["3000 drain"]);
      await ears.until("closed");
    });
  });

  describe("an end that drags on", () => {
    it("is over five seconds after our close frame, answered or not", async () => {
      const socket = await rawClient(Buffer.alloc(0), true);
      const [ears] = opened as [Ears];
      ears.transport.close(3000, "drain");
      await once(socket, "data");
      clock.advance(4_000);
      expect(ears.heard).toEqual([]);
      clock.advance(2_000);
      await ears.until("closed");
    });

    it("is over five seconds after a client's close frame, if it does not end", async () => {
      const socket = await rawClient(Buffer.alloc(0), true);
      const [ears] = opened as [Ears];
      socket.write(clientFrame(8, Buffer.of(0x03, 0xe8, 0x62, 0x79, 0x65)));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer).toEqual(Buffer.of(0x88, 5, 0x03, 0xe8, 0x62, 0x79, 0x65));
      expect(ears.heard).toEqual([]);
      // The client has seen our end, and keeps its own side open.
      clock.advance(6_000);
      await ears.until("closed");
    });

    it("is over five seconds after the client ended its side without reading the rest", async () => {
      const socket = await rawClient(Buffer.alloc(0), true);
      const [ears] = opened as [Ears];
      socket.pause();
      const frame = ears.transport.framing.frame("x".repeat(1_000_000));
      while (ears.transport.bufferedBytes === 0) ears.transport.write(frame);
      socket.end();
      while (clock.timers > 0 && !ears.heard.includes("closed")) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(ears.heard).toEqual(["closed"]);
      expect(ears.transport.bufferedBytes).toBe(0);
    });

    it("waits for a client that ended its side and still reads", async () => {
      const socket = await rawClient(Buffer.alloc(0), true);
      const [ears] = opened as [Ears];
      socket.pause();
      const frame = ears.transport.framing.frame("x".repeat(1_000_000));
      let bytes = 0;
      for (; ears.transport.bufferedBytes === 0; bytes += frame.length) ears.transport.write(frame);
      socket.end();
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(ears.heard).toEqual([]);
      let received = 0;
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.resume();
      await Promise.all([ears.until("closed"), once(socket, "end")]);
      expect(received).toBe(bytes);
    });

    it("reads nothing more after a violation", async () => {
      const socket = await rawClient();
      const [ears] = opened as [Ears];
      socket.write(Buffer.concat([clientFrame(3, Buffer.alloc(0)), clientFrame(1, Buffer.from("late"))]));
      await once(socket, "data");
      socket.write(clientFrame(1, Buffer.from("later")));
      socket.end();
      await ears.until("closed");
      expect(ears.heard).toEqual(["refused bad_frame", "closed"]);
    });

    if (engine === "lean")
      it("leaves what a client sends after it in the kernel, where it is much", async () => {
        const socket = await rawClient();
        socket.on("error", () => {});
        const [ears] = opened as [Ears];
        socket.write(Buffer.concat([clientFrame(3, Buffer.alloc(0)), Buffer.alloc(20_000_000)]));
        await ears.until("refused bad_frame");
        for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect((ears.transport as WebSocketTransport).bytesRead).toBeLessThan(500_000);
        clock.advance(6_000);
        await ears.until("closed");
      });
  });

  describe("a client that reads slowly", () => {
    it("gets everything in order, however often it stops", async () => {
      const [socket, { transport }] = await client();
      const heard: string[] = [];
      socket.on("message", (data: Buffer) => heard.push(data.subarray(0, 8).toString()));
      const expected: string[] = [];
      for (let round = 0; round < 3; round++) {
        socket.pause();
        while (transport.bufferedBytes < 3_000_000) {
          const text = String(expected.length).padStart(8, "0");
          expected.push(text);
          transport.write(transport.framing.frame(text.padEnd(expected.length % 7 === 0 ? 300_000 : 9)));
        }
        socket.resume();
        while (transport.bufferedBytes > 0) await new Promise((resolve) => setImmediate(resolve));
      }
      transport.close(3000, "drain");
      await once(socket, "close");
      expect(heard).toEqual(expected);
    });

    it("gets what was waiting also when we close, and then the end", async () => {
      const [socket, { transport }] = await client();
      let received = 0;
      socket.on("message", () => received++);
      socket.pause();
      let sent = 0;
      for (; transport.bufferedBytes < 5_000_000; sent++)
        transport.write(transport.framing.frame("x".repeat(99_999)));
      transport.close(3002, "slow");
      socket.resume();
      const [code] = (await once(socket, "close")) as [number];
      expect([code, received]).toEqual([3002, sent]);
    });

    it("is gone when it resets while much waits", async () => {
      const socket = await rawClient();
      const [ears] = opened as [Ears];
      socket.pause();
      const frame = ears.transport.framing.frame("x".repeat(1_000_000));
      for (let i = 0; i < 20; i++) ears.transport.write(frame);
      socket.resetAndDestroy();
      await ears.until("closed");
      expect(ears.transport.bufferedBytes).toBe(0);
    });
  });

  describe("opening", () => {
    it("sends what core says at once behind the answer, in one piece", async () => {
      onOpen = (transport) => transport.write(transport.framing.frame("welcome"));
      const answer = await rawAnswer();
      expect(behindHead(answer)).toBe("\x81\x07welcome");
    });

    it("answers as RFC 6455 has it", async () => {
      expect(await rawAnswer()).toBe(
        [
          "HTTP/1.1 101 Switching Protocols",
          "Upgrade: websocket",
          "Connection: Upgrade",
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
          "\r\n",
        ].join("\r\n"),
      );
    });

    it("may end with a goodbye, or without one", async () => {
      onOpen = (transport) => transport.close(3000, "drain");
      expect(behindHead(await rawAnswer())).toBe("\x88\x07\x0b\xb8drain");
      onOpen = (transport) => transport.terminate();
      expect(await rawAnswer()).toBe("");
    });

    it("keeps what is written to others meanwhile for those", async () => {
      const [socket, { transport: other }] = await client();
      const heard = once(socket, "message") as Promise<[Buffer]>;
      onOpen = (transport) => {
        other.write(other.framing.frame("for the other"));
        transport.write(transport.framing.frame("for this one"));
      };
      expect(behindHead(await rawAnswer())).toBe("\x81\x0cfor this one");
      expect(String((await heard)[0])).toBe("for the other");
    });
  });

  it("hands binary messages on as bytes, whole and in pieces: the codec decides about them", async () => {
    const [socket, ears] = await client();
    socket.send(Buffer.of(1, 2, 255));
    socket.send(Buffer.of(3), { fin: false });
    socket.send(Buffer.of(4));
    socket.send(Buffer.of());
    await ears.until("bytes ");
    expect(ears.heard.filter((each) => each.startsWith("bytes"))).toEqual([
      "bytes 0102ff",
      "bytes 0304",
      "bytes ",
    ]);
    socket.terminate();
    await ears.until("closed");
  });

  describe("a message that the protocol does not allow is refused in the protocol's words", () => {
    it("when it is too big", async () => {
      const [socket] = await client();
      socket.send("x".repeat(MAX_PAYLOAD + 1));
      expect(await untilClosed(socket)).toEqual(["refused too_big", `${disconnects.tooBig.code} too_big`]);
    });

    it("when it comes in too many fragments", async () => {
      const [socket] = await client();
      for (let i = 0; i < 2_000; i++) socket.send("x", { fin: false });
      expect(await untilClosed(socket)).toEqual(["refused too_big", `${disconnects.tooBig.code} too_big`]);
    });

    it.each([
      ["is not UTF-8", clientFrame(1, Buffer.of(0xff, 0xfe))],
      ["has no mask", Buffer.of(0x81, 1, 0x61)],
      ["has an unknown opcode", clientFrame(3, Buffer.of(0x61))],
      ["has a reserved bit", Buffer.of(0xf1, 0x80, 0, 0, 0, 0)],
    ])("when it %s", async (_what, bytes) => {
      const socket = await rawClient();
      socket.write(bytes);
      const answer: Buffer[] = [];
      socket.on("data", (chunk) => answer.push(chunk));
      await opened[0]!.until("closed");
      expect(opened[0]!.heard).toEqual(["refused bad_frame", "closed"]);
      const closeCode = Buffer.alloc(2);
      closeCode.writeUInt16BE(disconnects.badFrame.code);
      expect(Buffer.concat(answer).includes(closeCode)).toBe(true);
    });

    it("but a client may close with the codes of a violation", async () => {
      const socket = await rawClient();
      socket.write(clientFrame(8, Buffer.of(0x03, 0xea))); // 1002
      await opened[0]!.until("closed");
      expect(opened[0]!.heard).toEqual(["closed"]);
    });
  });

  describe("framing", () => {
    it("is what RFC 6455 says, at every length", async () => {
      const [socket, { transport }] = await client();
      const framing = new WebSocketFraming();
      const messages: string[] = [];
      socket.on("message", (data: Buffer) => messages.push(data.toString()));
      const edges = [0, 1, 125, 126, 65_535, 65_536, 70_000].map((length) => "x".repeat(length));
      const samples = [...edges, ...fc.sample(fc.string({ unit: "grapheme", maxLength: 300 }), 100)];
      for (const text of samples) transport.write(framing.frame(text));
      transport.close(3000, "drain");
      await once(socket, "close");
      expect(messages).toEqual(samples);
    });
  });
});
