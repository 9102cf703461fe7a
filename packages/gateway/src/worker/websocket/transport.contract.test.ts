/**
 * The WebSocket transports of both engines under core's contract, plain and with each kind of compression, with
 * a real WebSocket on the other side.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { codecs, systemClock, type Transport } from "@holdfast/core";
import { type TransportUnderTest, transportContract } from "@holdfast/core/testing";
import { WebSocket } from "ws";
import type { EngineName } from "../../runtime/engine-choice.js";
import { type Compression, negotiateDeflate } from "../http/deflate-offer.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { ENGINES, makeEngine } from "../websocket-library/testing/engines.js";
import { listen } from "./testing/listen.js";

/** What can be had: `dedicated` is the engine ws's alone. */
const KINDS: readonly { readonly engine: EngineName; readonly compression: Compression }[] = [
  ...ENGINES.flatMap((engine) =>
    (["off", "shared"] as const).map((compression) => ({ engine, compression })),
  ),
  { engine: "ws", compression: "dedicated" },
];

const ACCEPTANCE = {
  kind: "accept",
  codec: codecs.lines,
  subprotocol: undefined,
  channels: undefined,
  sid: undefined,
} as const;

/** Whatever its length, so that every message of the contract is compressed where it can be. */
function compressing(opened: Transport): Transport {
  const { framing: own } = opened;
  const framing = {
    frame: (text: string) => own.frame(text, 1),
    ...(own.frameBytes !== undefined && {
      frameBytes: (bytes: Uint8Array) => own.frameBytes?.(bytes, 1) as Uint8Array,
    }),
  };
  return {
    framing,
    get bufferedBytes() {
      return opened.bufferedBytes;
    },
    write: (frames) => opened.write(frames),
    ping: () => opened.ping(),
    close: (code, reason) => opened.close(code, reason),
    terminate: () => opened.terminate(),
  };
}

async function open(engine: EngineName, compression: Compression): Promise<TransportUnderTest> {
  let transport: Transport | undefined;
  let closedCalls = 0;
  const received: string[] = [];
  let peerEnd: TransportUnderTest["peerEnd"];
  const unfinished = new UnfinishedMessages({ timeoutMs: 60_000, maxBytes: 1_000_000 }, systemClock);
  const transports = makeEngine(engine, {
    opener: {
      open(opened) {
        transport = opened;
        return {
          receive() {},
          alive() {},
          spend: () => true,
          refuse() {},
          disconnect() {},
          closed: () => closedCalls++,
        };
      },
    },
    maxPayload: 65_536,
    unfinished,
    clock: systemClock,
  });
  const listener = await listen((handle, arrival) => {
    const offers = arrival.head.headers["sec-websocket-extensions"];
    const terms =
      compression === "off" || offers === undefined
        ? undefined
        : negotiateDeflate(String(offers), compression);
    const deflate = terms === "malformed" ? undefined : terms;
    transports.accept(handle, arrival, { ...ACCEPTANCE, deflate });
  });
  const peer = new WebSocket(`ws://127.0.0.1:${listener.port}/ws`);
  peer.on("message", (data) => received.push(String(data)));
  peer.on("error", () => {});
  peer.on("close", (code, reason) => {
    // 1006 is what ws calls an end without a goodbye: RFC 6455 §7.4.1.
    peerEnd = code === 1006 ? {} : { code, reason: reason.toString() };
  });
  await once(peer, "open");
  if (transport === undefined) throw new Error("not opened");
  if ((peer.extensions === "") !== (compression === "off")) throw new Error(`agreed on "${peer.extensions}"`);
  return {
    transport: compression === "off" ? transport : compressing(transport),
    get closedCalls() {
      return closedCalls;
    },
    received,
    get peerEnd() {
      return peerEnd;
    },
    pausePeer: () => peer.pause(),
    resumePeer: () => peer.resume(),
    closePeer: () => peer.close(1000, "bye"),
    destroyPeer: () => (peer as unknown as { readonly _socket: Socket })._socket.destroy(),
    async dispose() {
      peer.terminate();
      transport?.terminate();
      transports.close();
      unfinished.close();
      listener.close();
    },
  };
}

for (const { engine, compression } of KINDS) {
  const name = `the WebSocket transport of the engine ${engine} with compression ${compression}`;
  transportContract(name, () => open(engine, compression));
  transportContract(`${name} and binary messages`, () => open(engine, compression), { isBinary: true });
}
