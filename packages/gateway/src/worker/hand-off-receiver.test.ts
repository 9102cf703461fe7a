import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { encodeTravel } from "../travel.js";
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
    const taker = { server, takeWebSocket: () => false };
    new HandOffReceiver(new EventEmitter()).deliverTo(taker, (parts) => calls.push(parts));
    expect(calls).toHaveLength(1);
    expect(calls[0]?.httpServer).toBe(server);
  });

  it("finds the package's worker half, which works in a worker only", () => {
    expect(() => loadSetupWorker()({ httpServer: createServer(), engine: new EventEmitter() })).toThrow(
      "not worker",
    );
  });
});
