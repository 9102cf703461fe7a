/**
 * Peer: one process of plain ws, no primary. `plain-ws.js [deflate]`: with permessage-deflate as ws does it.
 */
import type { AddressInfo } from "node:net";
import { BACKLOG, obey } from "./commands.js";
import { WsEndpoint } from "./ws-endpoint.js";

const endpoint = new WsEndpoint(process.argv[2] === "deflate");
endpoint.http.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
  const { port } = endpoint.http.address() as AddressInfo;
  void obey({ port, workers: [process.pid] }, endpoint);
});
