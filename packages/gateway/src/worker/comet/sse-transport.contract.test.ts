/**
 * The transport of event streams under core's contract, with a socket on the other side that reads events.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { codecs, systemClock, type Transport } from "@holdfast/core";
import { type TransportUnderTest, transportContract } from "@holdfast/core/testing";
import { listen } from "../websocket/testing/listen.js";
import { EventStreams } from "./event-streams.js";
import { CometSessions } from "./sessions.js";
import type { Ids } from "./sse-transport.js";
import { EventReader } from "./testing/event-reader.js";

async function open(ids: Ids): Promise<TransportUnderTest> {
  let transport: Transport | undefined;
  let closedCalls = 0;
  let peerEnd: TransportUnderTest["peerEnd"];
  const streams = new EventStreams(
    {
      open(opened) {
        transport = opened;
        return {
          id: "",
          receive() {},
          alive() {},
          spend: () => true,
          disconnect() {},
          newResumeToken: () => undefined,
          closed: () => closedCalls++,
        };
      },
    },
    new CometSessions(),
    systemClock,
    Math.random,
  );
  const listener = await listen((handle) =>
    streams.accept(
      handle,
      { codec: codecs.objects, ids, url: undefined, identity: undefined, commands: undefined, headers: {} },
      undefined,
    ),
  );
  const socket = connect(listener.port, "127.0.0.1").setEncoding("utf8");
  const reader = new EventReader();
  let head = "";
  const received: string[] = [];
  socket.on("data", (text: string) => {
    const before = reader.events.length;
    if (head.endsWith("\r\n\r\n")) reader.feed(text);
    else {
      const all = head + text;
      const end = all.indexOf("\r\n\r\n");
      head = end === -1 ? all : all.slice(0, end + 4);
      if (end !== -1) reader.feed(all.slice(end + 4));
    }
    for (const { type, data } of reader.events.slice(before)) {
      if (type === "message") received.push(data);
      else peerEnd = JSON.parse(data) as { code: number; reason: string };
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    peerEnd ??= {};
  });
  socket.write("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "data");
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
    pausePeer: () => socket.pause(),
    resumePeer: () => socket.resume(),
    closePeer: () => socket.end(),
    destroyPeer: () => socket.destroy(),
    async dispose() {
      socket.destroy();
      transport?.terminate();
      streams.close();
      listener.close();
    },
  };
}

transportContract("the transport of event streams", () => open("none"));
transportContract("the transport of event streams with ids of its own", () => open("own"));
transportContract("the transport of event streams with shared ids", () => open("shared"));
