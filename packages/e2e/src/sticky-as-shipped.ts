/**
 * A server made of @socket.io/sticky, `node:cluster` and `ws` as the package's README says: what Holdfast's
 * front door is measured against. Run as a program; the primary prints its port.
 *
 * It speaks as much of Holdfast's protocol as the tests of the hand-over need: a client that names channels
 * is welcomed, one that sends a command gets its reply. A session id begins with four characters that name
 * the worker. STICKY_HEAD_TIMEOUT_MS shortens Node's own header timeout, which is 60 s, in the primary.
 */
import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

/** The package's own types need `socket.io`, which it does not depend on. */
interface Sticky {
  setupPrimary(server: object, options: { readonly loadBalancingMethod: string }): void;
  setupWorker(io: { readonly httpServer: object; readonly engine: EventEmitter }): void;
}

const WORKERS = 2;

const sticky = createRequire(import.meta.url)("@socket.io/sticky") as Sticky;
if (cluster.isPrimary) runPrimary();
else runWorker();

function runPrimary(): void {
  const timeout = process.env.STICKY_HEAD_TIMEOUT_MS;
  const options =
    timeout === undefined ? {} : { headersTimeout: Number(timeout), connectionsCheckingInterval: 100 };
  const server = createServer(options);
  sticky.setupPrimary(server, { loadBalancingMethod: "least-connection" });
  cluster.setupPrimary({ serialization: "advanced" });
  let listening = 0;
  cluster.on("message", (_worker, message: { readonly type?: string }) => {
    if (message.type !== "up" || ++listening !== WORKERS) return;
    server.listen(0, "127.0.0.1", () => {
      console.log(`listening on ${(server.address() as AddressInfo).port}`);
    });
  });
  for (let i = 0; i < WORKERS; i++) cluster.fork();
}

function runWorker(): void {
  const httpServer = createServer();
  const engine = new EventEmitter();
  const sockets = new WebSocketServer({ server: httpServer, perMessageDeflate: false });
  sticky.setupWorker({ httpServer, engine });
  sockets.on("connection", (socket, request) => {
    const owner = String(cluster.worker?.id ?? 0).padStart(4, "w");
    const id = owner + randomBytes(12).toString("base64url");
    const session = Object.assign(new EventEmitter(), { id });
    engine.emit("connection", session);
    socket.on("close", () => session.emit("close"));
    socket.on("error", () => {});
    socket.on("message", () => socket.send(JSON.stringify({ id: 1, connect: { sid: id } })));
    if (request.url?.includes("channels=")) socket.send(JSON.stringify({ connect: { sid: id } }));
  });
  process.send?.({ type: "up" });
}
