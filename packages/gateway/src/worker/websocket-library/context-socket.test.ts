/**
 * `compression: dedicated`: each connection compresses for itself, and refers back to what it was sent.
 */
import { once } from "node:events";
import { codecs, systemClock, type Transport } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import type { TcpListener } from "../../runtime/tcp-listener.js";
import { negotiateDeflate } from "../http/deflate-offer.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { listen } from "../websocket/testing/listen.js";
import { LibraryEngine } from "./library-engine.js";
import { MarkedFraming, type MarkedMessage, messagesIn } from "./marked-frames.js";

const MAX_PAYLOAD = 65_536;
const EXTENSIONS = "sec-websocket-extensions";
const opened: { readonly transport: Transport; readonly heard: string[] }[] = [];
const clients: WebSocket[] = [];
let engine: LibraryEngine;
let unfinished: UnfinishedMessages;
let listener: TcpListener;

beforeEach(async () => {
  unfinished = new UnfinishedMessages({ timeoutMs: 60_000, maxBytes: 1_000_000 }, systemClock);
  const open = (transport: Transport) => {
    const heard: string[] = [];
    opened.push({ transport, heard });
    const receive = (message: unknown): void => void heard.push(String(message));
    return { receive, alive() {}, spend: () => true, refuse() {}, disconnect() {}, closed() {} };
  };
  engine = new LibraryEngine({ opener: { open }, maxPayload: MAX_PAYLOAD, unfinished, clock: systemClock });
  listener = await listen((handle, arrival) => {
    const offers = arrival.head.headers[EXTENSIONS];
    const terms = offers === undefined ? undefined : negotiateDeflate(String(offers), "dedicated");
    const deflate = terms === "malformed" ? undefined : terms;
    const codec = codecs.lines;
    const acceptance = { kind: "accept", codec, subprotocol: undefined, deflate } as const;
    engine.accept(handle, arrival, { ...acceptance, channels: undefined, sid: undefined });
  });
});

afterEach(() => {
  for (const client of clients.splice(0)) client.terminate();
  for (const { transport } of opened.splice(0)) transport.terminate();
  engine.close();
  unfinished.close();
  listener.close();
});

interface Client {
  readonly socket: WebSocket;
  readonly back: string[];
  readonly wire: () => number;
  readonly transport: Transport;
  readonly heard: string[];
}

async function client(perMessageDeflate: WebSocket.ClientOptions["perMessageDeflate"]): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/ws`, { perMessageDeflate });
  clients.push(socket);
  const back: string[] = [];
  socket.on("message", (data) => back.push(String(data)));
  await once(socket, "open");
  const { _socket } = socket as unknown as { readonly _socket: { readonly bytesRead: number } };
  const one = opened.at(-1);
  if (one === undefined) throw new Error("not opened");
  return { socket, back, wire: () => _socket.bytesRead, ...one };
}

/** Leaves the processor to zlib's threads. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 1));
}

describe("a connection with a context of its own", () => {
  const quote = (n: number): string => JSON.stringify({ channel: "prices:eur", bid: 1.08 + n / 1e4, n });

  it("refers back to what it was sent, so that the second message like it is short", async () => {
    const { back, wire, transport } = await client({ threshold: 0 });
    const sizes: number[] = [];
    for (let n = 0; n < 3; n++) {
      const before = wire();
      transport.write(transport.framing.frame(quote(n), 1));
      await until(() => back.length === n + 1);
      sizes.push(wire() - before);
    }
    expect(back).toEqual([0, 1, 2].map(quote));
    expect(sizes[1]).toBeLessThan((sizes[0] as number) / 2);
  });

  it("carries any messages both ways, in order, with pings among them", async () => {
    const { socket, back, transport, heard } = await client({ threshold: 0 });
    expect(socket.extensions).toBe("permessage-deflate");
    const anyText = fc.oneof(fc.string({ unit: "grapheme", maxLength: 400 }), fc.json());
    const texts = fc.sample(anyText, 80);
    const pings: number[] = [];
    socket.on("ping", () => pings.push(back.length));
    for (const [i, text] of texts.entries()) {
      transport.write(transport.framing.frame(text, i % 3 === 0 ? undefined : 1));
      if (i === 40) transport.ping();
      socket.send(text);
    }
    await until(() => back.length === texts.length && heard.length === texts.length);
    expect(back).toEqual(texts);
    expect(heard).toEqual(texts);
    expect(pings).toEqual([41]);
  });

  it("counts as waiting what is being compressed, and says its close frame behind it", async () => {
    const { socket, back, transport } = await client({});
    const text = "some news ".repeat(2_000);
    for (let i = 0; i < 5; i++) transport.write(transport.framing.frame(text, 1));
    expect(transport.bufferedBytes).toBeGreaterThan(4 * text.length);
    transport.close(3000, "later");
    const [code, reason] = await once(socket, "close");
    expect([code, String(reason)]).toEqual([3000, "later"]);
    expect(back).toEqual(Array(5).fill(text));
  });

  it("ends its side behind what is being compressed, when the client has closed", async () => {
    const { socket, back, transport } = await client({});
    const text = "some news ".repeat(2_000);
    const ended = once(socket, "close");
    for (let i = 0; i < 5; i++) transport.write(transport.framing.frame(text, 1));
    socket.close(1000);
    const [code] = await ended;
    expect(code).toBe(1000);
    expect(back).toEqual(Array(5).fill(text));
  });

  it("shares its framing with its like, and not with clients that offer no compression", async () => {
    const { transport, back } = await client({});
    const plain = await client(false);
    expect((await client({ serverMaxWindowBits: 9 })).transport.framing).toBe(transport.framing);
    expect(plain.transport.framing).not.toBe(transport.framing);
    transport.write(transport.framing.frame("a".repeat(500)));
    plain.transport.write(plain.transport.framing.frame("b".repeat(500), 1));
    await until(() => back.length === 1 && plain.back.length === 1);
    expect(plain.back).toEqual(["b".repeat(500)]);
  });
});

describe("marked frames", () => {
  it("give back each message, and whether it may be compressed", () => {
    const framing = new MarkedFraming();
    const message = fc.record({
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(126, 65_535, 65_536).map((n) => new Uint8Array(n)),
      ),
      isBinary: fc.boolean(),
      from: fc.option(fc.nat(400), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const texts = messages.map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
        const frames = messages.map(({ bytes, isBinary, from }, i) =>
          isBinary ? framing.frameBytes(bytes, from) : framing.frame(texts[i] as string, from),
        );
        const expected = messages.map(({ bytes, isBinary, from }, i) => {
          const payload = isBinary ? Buffer.from(bytes) : Buffer.from(texts[i] as string);
          return { payload, isBinary, mayCompress: from !== undefined && payload.length >= from };
        });
        const found = [...messagesIn(Buffer.concat(frames))];
        const told = (each: MarkedMessage) =>
          `${each.isBinary} ${each.mayCompress} ${Buffer.from(each.payload).toString("latin1")}`;
        expect(found.map(told).join()).toBe(expected.map(told).join());
      }),
      { numRuns: 50 },
    );
  });
});
