/**
 * Peer: Socket.IO, WebSocket only, one process; a channel is a room. `socket-io.js [redis URL]` joins several
 * by its Redis adapter; `socket-io.js recovery` has connection state recovery, with what is missed in memory.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { BACKLOG, obey } from "./commands.js";

const redis = process.argv[2];
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
  pingInterval: 25_000,
  ...(redis === "recovery" && { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }),
});
if (redis !== undefined && redis !== "recovery")
  io.adapter(createAdapter(new Redis(redis), new Redis(redis)));
io.on("connection", (socket) => {
  const { channels } = socket.handshake.query;
  void socket.join(typeof channels === "string" ? channels.split(",") : []);
  // Its documentation's advice for less memory, once the query has been read.
  (socket.conn as { request: unknown }).request = null;
});
http.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
  const { port } = http.address() as AddressInfo;
  void obey(
    { port, workers: [process.pid] },
    { publish: (channel, text) => void io.to(channel).emit("m", JSON.parse(text)) },
  );
});
