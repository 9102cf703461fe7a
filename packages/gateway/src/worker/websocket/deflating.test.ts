/**
 * Compressed messages both ways, with the client of ws on the other side.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { codecs, type Transport } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import type { TcpListener } from "../../runtime/tcp-listener.js";
import { negotiateDeflate } from "../http/deflate-offer.js";
import type { WebSocketEngine } from "../http/websocket-engine.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { ENGINES, makeEngine } from "../websocket-library/testing/engines.js";
import { DeflatingFraming } from "./deflating-framing.js";
import { WebSocketFraming } from "./framing.js";
import { clientFrame, type FrameParts } from "./testing/client-frame.js";
import { HeardFrames } from "./testing/heard-frames.js";
import { listen } from "./testing/listen.js";

const MAX_PAYLOAD = 65_536;
const plain = new WebSocketFraming();
const counts = new Map<string, number>();
const metrics = {
  add: (name: string, amount: number) => void counts.set(name, (counts.get(name) ?? 0) + amount),
};
const framing = new DeflatingFraming(15, metrics);

const REQUEST =
  "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** What native code holds beside buffers: zlib's states and windows, and little else. */
function zlibBytes(): number {
  const { external, arrayBuffers } = process.memoryUsage();
  return external - arrayBuffers;
}

/** Leaves the processor to zlib's threads. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** As a client compresses: without the tail. */
function deflated(data: string | Uint8Array): Buffer {
  const whole = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
  return whole.subarray(0, -4);
}

function hear(...parts: FrameParts[]): string[] {
  return new HeardFrames(MAX_PAYLOAD, true).feed(Buffer.concat(parts.map(clientFrame))).heard;
}

beforeEach(() => counts.clear());

describe("a message to a client with compression", () => {
  const text = "holdfast ".repeat(100);

  it("is one complete frame with RSV1, the same each time", () => {
    const frame = framing.frame(text, 256);
    expect(frame[0]).toBe(0xc1);
    expect(frame.length).toBeLessThan(100);
    const length = (frame[1] as number) & 0x7f;
    expect(frame.length).toBe(2 + length);
    const tail = Buffer.of(0, 0, 0xff, 0xff);
    expect(inflateRawSync(Buffer.concat([frame.subarray(2), tail]), { finishFlush: 2 }).toString()).toBe(
      text,
    );
    expect(framing.frame(text, 256)).toEqual(frame);
    expect(framing.frameBytes(Buffer.from(text), 256)[0]).toBe(0xc2);
    expect(Object.fromEntries(counts)).toEqual({
      deflated: 3,
      deflate_input_bytes: 3 * text.length,
      deflate_output_bytes: 3 * length,
    });
  });

  it("is plain for one connection alone, below the minimum, and where it does not shrink", () => {
    expect(framing.frame(text)).toEqual(plain.frame(text));
    expect(framing.frameBytes(Buffer.from(text))).toEqual(plain.frameBytes(Buffer.from(text)));
    expect(framing.frame(text, text.length + 1)).toEqual(plain.frame(text));
    expect(framing.frame("é".repeat(100), 201)).toEqual(plain.frame("é".repeat(100)));
    expect(framing.frame("é".repeat(100), 200)[0]).toBe(0xc1);
    expect(counts.get("deflated")).toBe(1);
    expect(framing.frame("abcdefgh", 1)).toEqual(plain.frame("abcdefgh"));
    expect(counts.get("deflated")).toBe(1);
  });

  it("refers back no further than its window", () => {
    const block = Array.from({ length: 300 }, (_, i) => String.fromCharCode(0x21 + ((i * 7919) % 90))).join(
      "",
    );
    for (const bits of [9, 12, 15]) {
      const far = `${block}${"-".repeat(2 ** bits)}${block}`;
      const frame = new DeflatingFraming(bits, metrics).frame(far, 1);
      const start = ((frame[1] as number) & 0x7f) === 126 ? 4 : 2;
      const options = { windowBits: bits, finishFlush: constants.Z_SYNC_FLUSH };
      expect(inflateRawSync(frame.subarray(start), options).toString()).toBe(far);
    }
  });
});

describe("a compressed message from a client", () => {
  const long = "a".repeat(500);

  it("is heard as what it was, whole, in fragments, between control frames", () => {
    const bytes = deflated(long);
    expect(hear({ opcode: 1, reserved: 4, payload: bytes })).toEqual([`text ${long}`]);
    expect(
      hear(
        { opcode: 1, reserved: 4, final: false, payload: bytes.subarray(0, 3) },
        { opcode: 9, payload: Buffer.from("p") },
        { opcode: 0, final: false, payload: bytes.subarray(3, 4) },
        { opcode: 0, payload: bytes.subarray(4) },
        { opcode: 1, payload: Buffer.from("plain") },
        { opcode: 2, reserved: 4, payload: bytes },
      ),
    ).toEqual(["ping p", `text ${long}`, "text plain", "binary"]);
  });

  it("may be empty, have blocks that say they are the last, and be stored", () => {
    expect(hear({ opcode: 1, reserved: 4, payload: Buffer.of(0) })).toEqual(["text "]);
    expect(hear({ opcode: 1, reserved: 4, payload: Buffer.of(2, 0) })).toEqual(["text "]);
    // RFC 7692 §7.2.3.4 and §7.2.3.3.
    const last = Buffer.from("f348cdc9c9070000", "hex");
    const stored = Buffer.from("000500faff48656c6c6f00", "hex");
    // §7.2.3.5: two blocks in one message.
    const two = Buffer.from("f248050000 00ffffcac9c90700".replaceAll(" ", ""), "hex");
    for (const payload of [last, stored, two])
      expect(hear({ opcode: 1, reserved: 4, payload })).toEqual(["text Hello"]);
  });

  it("that is not DEFLATE or not UTF-8 is a violation, and so is the bit where it must not be", () => {
    const x = Buffer.from("x");
    expect(hear({ opcode: 1, reserved: 4, payload: Buffer.of(0xff, 0xff) })).toEqual(["violation 1007"]);
    expect(hear({ opcode: 1, reserved: 4, payload: deflated(Buffer.of(0xc3)) })).toEqual(["violation 1007"]);
    for (const opcode of [8, 9, 10, 3])
      expect(hear({ opcode, reserved: 4, payload: Buffer.alloc(0) })).toEqual(["violation 1002"]);
    for (const reserved of [1, 2, 5, 6])
      expect(hear({ opcode: 1, reserved, payload: x })).toEqual(["violation 1002"]);
    expect(
      hear(
        { opcode: 1, reserved: 4, final: false, payload: deflated("x") },
        { opcode: 0, reserved: 4, payload: x },
      ),
    ).toEqual(["violation 1002"]);
    const without = new HeardFrames(MAX_PAYLOAD).feed(
      clientFrame({ opcode: 1, reserved: 4, payload: deflated("x") }),
    );
    expect(without.violation).toBe("reserved_bit");
  });

  it("that is a bomb ends with 1009 and makes no more than it may have", () => {
    const bomb = clientFrame({ opcode: 1, reserved: 4, payload: deflated(Buffer.alloc(60_000_000, "x")) });
    expect(60_000_000 / bomb.length).toBeGreaterThan(1_000);
    const receiver = new HeardFrames(MAX_PAYLOAD, true);
    const before = process.memoryUsage().arrayBuffers;
    expect(receiver.feed(bomb).violation).toBe("too_long");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    expect(receiver.keeps).toBe(false);
    expect(hear({ opcode: 1, reserved: 4, payload: deflated("x".repeat(MAX_PAYLOAD)) })[0]).toMatch(
      /^text x/,
    );
    expect(hear({ opcode: 1, reserved: 4, payload: deflated("x".repeat(MAX_PAYLOAD + 1)) })).toEqual([
      "violation 1009",
    ]);
  });
});

describe.each(ENGINES)("the engine %s beside the client of ws", (engine) => {
  let listener: TcpListener;
  let transports: WebSocketEngine;
  let unfinished: UnfinishedMessages;
  let opened: { transport: Transport; heard: string[]; tenths: number }[];
  const sockets: WebSocket[] = [];

  beforeEach(async () => {
    opened = [];
    const clock = new FakeClock();
    unfinished = new UnfinishedMessages({ timeoutMs: 20_000, maxBytes: 400_000 }, clock);
    const open = (transport: Transport) => {
      const one = { transport, heard: [] as string[], tenths: 0 };
      opened.push(one);
      return {
        receive: (message: unknown) => void one.heard.push(String(message)),
        alive() {},
        spend: (tenths: number) => {
          one.tenths += tenths;
          return true;
        },
        refuse: (row: { name: string }) => void one.heard.push(row.name),
        disconnect() {},
        closed() {},
      };
    };
    const parts = { opener: { open }, maxPayload: MAX_PAYLOAD, unfinished, clock, metrics };
    transports = makeEngine(engine, parts);
    listener = await listen((handle, arrival) => {
      const terms = negotiateDeflate(arrival.head.headers["sec-websocket-extensions"]?.toString() ?? "x");
      const deflate = typeof terms === "string" ? undefined : terms;
      const acceptance = { kind: "accept", codec: codecs.lines, subprotocol: undefined, deflate } as const;
      transports.accept(handle, arrival, { ...acceptance, channels: undefined, sid: undefined });
    });
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
    for (const { transport } of opened) transport.terminate();
    transports.close();
    unfinished.close();
    listener.close();
  });

  async function client(perMessageDeflate: WebSocket.ClientOptions["perMessageDeflate"]) {
    const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/ws`, { perMessageDeflate });
    sockets.push(socket);
    await once(socket, "open");
    const one = opened.at(-1);
    if (one === undefined) throw new Error("not opened");
    return { socket, ...one, one };
  }

  const anyText = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 400 }),
    fc.tuple(fc.string({ maxLength: 30 }), fc.nat(3_000)).map(([part, times]) => part.repeat(times)),
    fc.json(),
  );

  it.each([
    ["as offered", {}],
    ["with a window of 512 bytes", { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
    ["that compresses all", { threshold: 0 }],
    ["that offers nothing", false],
  ])("any messages come through both ways: %s", async (_name, options) => {
    const { socket, transport, heard } = await client(options);
    expect(socket.extensions).toBe(options === false ? "" : "permessage-deflate");
    const messages = fc.sample(anyText, 60).filter((text) => Buffer.byteLength(text) <= MAX_PAYLOAD);
    const back: string[] = [];
    socket.on("message", (data) => back.push(String(data)));
    for (const text of messages) {
      transport.write(transport.framing.frame(text, 1));
      socket.send(text);
    }
    socket.send("end");
    transport.write(transport.framing.frame("end"));
    while (heard.at(-1) !== "end" || back.at(-1) !== "end") await turn();
    expect(back).toEqual([...messages, "end"]);
    expect(heard).toEqual([...messages, "end"]);
    if (options !== false) expect(counts.get("deflated")).toBeGreaterThan(0);
  });

  it("has one framing for each window, and the connections without compression have theirs", async () => {
    const of = async (options: WebSocket.ClientOptions["perMessageDeflate"]) =>
      (await client(options)).transport.framing;
    const [none, whole, small] = [await of(false), await of(true), await of({ serverMaxWindowBits: 10 })];
    expect(new Set([none, whole, small]).size).toBe(3);
    expect(await of(false)).toBe(none);
    expect(await of({})).toBe(whole);
    expect(await of({ serverMaxWindowBits: 10 })).toBe(small);
  });

  it("charges for what it decompresses", async () => {
    const { socket, one, heard } = await client({ threshold: 0 });
    socket.send("x".repeat(40_000));
    while (heard.length === 0) await turn();
    expect(one.tenths).toBe(1 + 4);
    expect(counts.get("inflated")).toBe(1);
    expect(counts.get("inflated_bytes")).toBe(40_000);
  });

  it("hears compressed and plain messages in their order, and charges for the compressed ones", async () => {
    const { socket, one, heard } = await client({ threshold: 0 });
    for (const compress of [false, true, false, true, true, false])
      socket.send(`${compress}`.repeat(400), { compress });
    socket.send("end", { compress: false });
    while (heard.at(-1) !== "end") await turn();
    expect(heard.map((text) => text.slice(0, 1))).toEqual(["f", "t", "f", "t", "t", "f", "e"]);
    expect(counts.get("inflated")).toBe(3);
    expect(counts.get("inflated_bytes")).toBe(3 * 1_600);
    expect(one.tenths).toBe(3);
  });

  it("hears what was said before the client's end, though it takes a while to inflate", async () => {
    const { socket, heard } = await client({ threshold: 0 });
    const { _socket } = socket as unknown as { readonly _socket: Socket };
    socket.send("the last words ".repeat(1_000), () => _socket.end());
    while (heard.length === 0) await turn();
    expect(heard).toEqual(["the last words ".repeat(1_000)]);
  });

  // The library would keep it; ours makes it anew by its nature.
  if (engine === "ws")
    it("keeps nothing to inflate with between two messages", async () => {
      const COUNT = 40;
      const raws = Array.from({ length: COUNT }, () => connect(listener.port, "127.0.0.1"));
      for (const raw of raws) raw.write(`${REQUEST}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`);
      while (opened.length < COUNT) await turn();
      const kept = async (): Promise<number> => {
        for (const raw of raws) raw.write(clientFrame({ opcode: 1, reserved: 4, payload: deflated("x") }));
        while (opened.some(({ heard }) => heard.length === 0)) await turn();
        for (const { heard } of opened) heard.length = 0;
        await new Promise((done) => setTimeout(done, 20));
        return zlibBytes();
      };
      const before = zlibBytes();
      // Some 10 KB and a window of 32 KiB for each that inflates, if they were kept.
      expect((await kept()) - before).toBeLessThan(COUNT * 5_000);
      for (const raw of raws) raw.destroy();
    });
});
