/**
 * The WebSocket transport under core's contract, with a real WebSocket on the other side.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { codecs, systemClock, type Transport } from "@holdfast/core";
import { type TransportUnderTest, transportContract } from "@holdfast/core/testing";
import { WebSocket } from "ws";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { listen } from "./testing/listen.js";
import { WebSocketTransports } from "./transports.js";

const ACCEPTANCE = {
  kind: "accept",
  codec: codecs.lines,
  subprotocol: undefined,
  channels: undefined,
  sid: undefined,
} as const;

async function open(): Promise<TransportUnderTest> {
  let transport: Transport | undefined;
  let closedCalls = 0;
  const received: string[] = [];
  let peerEnd: TransportUnderTest["peerEnd"];
  const unfinished = new UnfinishedMessages({ timeoutMs: 60_000, maxBytes: 1_000_000 }, systemClock);
  const transports = new WebSocketTransports(
    {
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
    65_536,
    unfinished,
    systemClock,
  );
  const listener = await listen((handle, arrival) => transports.accept(handle, arrival, ACCEPTANCE));
  const peer = new WebSocket(`ws://127.0.0.1:${listener.port}/ws`);
  peer.on("message", (data) => received.push(String(data)));
  peer.on("error", () => {});
  peer.on("close", (code, reason) => {
    // 1006 is what ws calls an end without a goodbye: RFC 6455 §7.4.1.
    peerEnd = code === 1006 ? {} : { code, reason: reason.toString() };
  });
  await once(peer, "open");
  if (transport === undefined) throw new Error("not opened");
  return {
    transport,
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

transportContract("the WebSocket transport", open);
