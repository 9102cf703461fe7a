/**
 * The peers that are programs for Node in src/servers: plain ws alone, under cluster, behind
 * @socket.io/sticky, Socket.IO, and comet on plain http.
 */
import { packageVersion, serverScript } from "../packages.js";
import { LineServer } from "./line-server.js";
import type { Peer } from "./peer.js";

const WS_TARGET = "/ws?channels=";

export const plainWs: Peer = {
  name: "ws",
  label: "ws, one process",
  missing: () => undefined,
  start: () =>
    LineServer.start({ program: process.execPath, args: [serverScript("plain-ws")], target: WS_TARGET }),
};

/** With its own deflate: for each receiver, with context. */
export const wsDeflate: Peer = {
  name: "ws-deflate",
  label: "ws, its own deflate",
  missing: () => undefined,
  start: () =>
    LineServer.start({
      program: process.execPath,
      args: [serverScript("plain-ws"), "deflate"],
      target: WS_TARGET,
    }),
};

export const wsCluster: Peer = {
  name: "ws-cluster",
  label: "ws, cluster round robin",
  missing: () => undefined,
  start: ({ workers }) =>
    LineServer.start({
      program: process.execPath,
      args: [serverScript("ws-cluster"), String(workers)],
      target: WS_TARGET,
    }),
};

export const wsSticky: Peer = {
  name: "ws-sticky",
  label: "ws, @socket.io/sticky",
  missing: () => undefined,
  start: ({ workers }) =>
    LineServer.start({
      program: process.execPath,
      args: [serverScript("ws-sticky"), String(workers)],
      target: WS_TARGET,
    }),
};

const SOCKET_IO = { target: "/socket.io/?EIO=4&transport=websocket&channels=", hello: "40" };

export const socketIo: Peer = {
  name: "socket.io",
  label: "Socket.IO",
  missing: () => missingPackage("socket.io"),
  start: () =>
    LineServer.start({ program: process.execPath, args: [serverScript("socket-io")], ...SOCKET_IO }),
};

export const socketIoWithRedis: Peer = {
  name: "socket.io-redis",
  label: "Socket.IO, Redis adapter",
  missing: () => missingPackage("socket.io") ?? missingPackage("@socket.io/redis-adapter"),
  start: ({ redis = "" }) =>
    LineServer.start({ program: process.execPath, args: [serverScript("socket-io"), redis], ...SOCKET_IO }),
};

export const socketIoRecovery: Peer = {
  name: "socket.io-recovery",
  label: "Socket.IO, connection state recovery",
  missing: () => missingPackage("socket.io"),
  start: () =>
    LineServer.start({
      program: process.execPath,
      args: [serverScript("socket-io"), "recovery"],
      ...SOCKET_IO,
    }),
};

export const heldHttp: Peer = {
  name: "http",
  label: "Node http",
  missing: () => undefined,
  start: () =>
    LineServer.start({
      program: process.execPath,
      args: [serverScript("held-http")],
      target: "/sse?channels=",
      comet: { sse: "/sse?channels=", poll: "/poll?channels=", pollProtocol: "get" },
    }),
};

function missingPackage(name: string): string | undefined {
  return packageVersion(name) === "missing" ? `${name} is not installed` : undefined;
}
