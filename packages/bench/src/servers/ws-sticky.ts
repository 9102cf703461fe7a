/**
 * Peer: plain ws behind @socket.io/sticky as shipped, set up as its README says. `ws-sticky.js <workers>`
 */
import cluster from "node:cluster";
import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { BACKLOG, obey } from "./commands.js";
import { WsEndpoint } from "./ws-endpoint.js";

/** What the package exports; its own declarations leave `setupPrimary` out. */
interface Sticky {
  setupPrimary(server: Server, options: { readonly loadBalancingMethod: string }): void;
  setupWorker(io: { readonly httpServer: Server; readonly engine: EventEmitter }): void;
}
const sticky = createRequire(import.meta.url)("@socket.io/sticky") as Sticky;

if (cluster.isPrimary) {
  // The README asks for it: Buffers travel over IPC.
  cluster.setupPrimary({ serialization: "advanced" });
  const server = createServer();
  // Its default, least-connection, counts sessions that workers report; a burst is faster and more even in
  // turn.
  sticky.setupPrimary(server, { loadBalancingMethod: "round-robin" });
  const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, "message")));
  server.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG });
  await once(server, "listening");
  await obey(
    {
      port: (server.address() as AddressInfo).port,
      primary: process.pid,
      workers: workers.map((worker) => worker.process.pid),
    },
    // Only storms are measured here: no client publishes.
    { publish: () => {} },
  );
} else {
  sticky.setupWorker({ httpServer: new WsEndpoint().http, engine: new EventEmitter() });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}
