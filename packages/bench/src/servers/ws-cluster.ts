/**
 * Peer: plain ws under Node's cluster with its own round robin, over TLS with a certificate.
 *
 * `ws-cluster.js <workers> [<certificate> <key>]`, both files.
 */
import cluster from "node:cluster";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { BACKLOG, obey } from "./commands.js";
import { WsEndpoint } from "./ws-endpoint.js";

if (cluster.isPrimary) {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork());
  const ports = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0] as number),
  );
  await obey(
    { port: ports[0], primary: process.pid, workers: workers.map((worker) => worker.process.pid) },
    // Only storms are measured here: no client publishes.
    { publish: () => {} },
  );
} else {
  const [cert, key] = process.argv.slice(3);
  const certificate =
    cert === undefined || key === undefined
      ? undefined
      : { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  const { http } = new WsEndpoint(false, certificate);
  process.on("disconnect", () => process.exit());
  http.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
    process.send?.((http.address() as AddressInfo).port);
  });
}
