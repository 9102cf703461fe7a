import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { connect, Socket } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { encodeTravel } from "../link/hand-off-message.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { TcpListener } from "../runtime/tcp-listener.js";
import { HandOffReceiver } from "./hand-off-receiver.js";
import { loadSetupWorker, type StickyWorkerParts } from "./sticky.js";

describe("receiving hand-offs", () => {
  it("counts each, also one whose socket closed on the way, and nothing else", () => {
    const channel = new EventEmitter();
    const handOffs = new HandOffReceiver(channel);
    channel.emit("message", encodeTravel("handOff", "", ""), undefined);
    channel.emit("message", encodeTravel("handOff", "", ""), undefined);
    channel.emit("message", encodeTravel("copy", "80", ""), undefined);
    channel.emit("message", "something else");
    channel.emit("message", { type: "sticky:connection" });
    channel.emit("message", { cmd: "other" });
    expect(handOffs.received).toBe(2);
  });

  it("gives the sockets to the server, and no session ids to the primary", () => {
    const calls: StickyWorkerParts[] = [];
    const server = createServer();
    const taker = { server, takeEncrypted: () => false, takeHandle: () => false, watch: () => {} };
    new HandOffReceiver(new EventEmitter()).deliverTo(taker, (parts) => calls.push(parts));
    expect(calls).toHaveLength(1);
    expect(calls[0]?.httpServer).toBe(server);
  });

  it("offers a bare handle first, and makes a socket only of what is not a plain WebSocket request", async () => {
    const channel = new EventEmitter();
    const offered: [TcpHandle, string][] = [];
    const injected: [string, Socket][] = [];
    const taker = {
      server: createServer(),
      takeEncrypted: () => false,
      takeHandle(handle: TcpHandle, head: string, ended: (() => void) | undefined) {
        offered.push([handle, head]);
        ended?.();
        return head === "plain";
      },
      watch() {},
    };
    channel.on("message", ({ type, data }: { type: string; data: Buffer }, socket: Socket) => {
      if (type === "sticky:connection") injected.push([data.toString(), socket]);
    });
    const handOffs = new HandOffReceiver(channel);
    handOffs.deliverTo(taker, () => {});
    const handles: TcpHandle[] = [];
    const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 16 }, (handle) => {
      if (handle !== undefined) handles.push(handle);
    });
    const clients = ["plain", "other"].map(() => connect(listener.port, "127.0.0.1"));
    while (handles.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const [first, second] = handles as [TcpHandle, TcpHandle];
    channel.emit("message", encodeTravel("handOff", "a", "plain"), first);
    expect(handOffs.takeDeparted()).toEqual(["a"]);
    channel.emit("message", encodeTravel("handOff", "", "other"), second);
    expect(offered).toEqual([
      [first, "plain"],
      [second, "other"],
    ]);
    expect(injected.map(([head]) => head)).toEqual(["other"]);
    first.close();
    injected[0]?.[1].destroy();
    for (const client of clients) client.destroy();
    listener.close();
  });

  it("makes every socket of a port that speaks TLS secure, whatever it comes as", () => {
    const channel = new EventEmitter();
    const encrypted: unknown[] = [];
    const injected: unknown[] = [];
    const taker = {
      server: createServer(),
      takeEncrypted(seat: unknown, hello: string) {
        encrypted.push([seat, hello]);
        return true;
      },
      takeHandle: () => {
        throw new Error("asked");
      },
      watch() {},
    };
    channel.on("message", ({ type }: { type: string }) => {
      if (type === "sticky:connection") injected.push(type);
    });
    const handOffs = new HandOffReceiver(channel);
    handOffs.deliverTo(taker, () => {});
    const [socket, handle] = [new Socket(), {} as TcpHandle];
    channel.emit("message", encodeTravel("handOff", "a", "hello"), socket);
    channel.emit("message", encodeTravel("handOff", "b", "hello"), handle);
    expect(encrypted).toEqual([
      [socket, "hello"],
      [handle, "hello"],
    ]);
    expect(injected).toEqual([]);
    socket.destroy();
  });

  it("finds the package's worker half, which works in a worker only", () => {
    expect(() => loadSetupWorker()({ httpServer: createServer(), engine: new EventEmitter() })).toThrow(
      "not worker",
    );
  });
});
