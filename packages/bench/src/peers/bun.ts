/**
 * Peer: Bun's own WebSocket server (bun/server.js), with the binary that `--install-peers` fetches from npm.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BENCH, cacheDirectory } from "../packages.js";
import { LineServer } from "./line-server.js";
import type { Peer } from "./peer.js";

export const BUN_PACKAGE = "@oven/bun-linux-x64@1.4.5";

export const bun: Peer = {
  name: "bun",
  label: "Bun",
  missing: () =>
    existsSync(binary()) ? undefined : `${BUN_PACKAGE} is not in the cache: npm run bench -- --install-peers`,
  start: () =>
    LineServer.start({
      program: binary(),
      args: [join(BENCH, "bun/server.js")],
      target: "/ws?channels=",
      garbage: "line",
    }),
};

function binary(): string {
  return join(cacheDirectory("bun"), "node_modules/@oven/bun-linux-x64/bin/bun");
}
