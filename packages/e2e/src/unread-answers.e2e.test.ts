/**
 * Answers that a client does not read, over a network whose buffers are small: the setting `writeTimeout`.
 *
 * On loopback the kernels of both sides take more than the pages that are served, and hold them themselves.
 */
import { afterEach, describe, expect, jest } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { samples } from "./metrics-text.js";
import { Resources } from "./resources.js";
import { testInNamespace } from "./test-with.js";

jest.setTimeout(120_000);

const own = new Resources();
afterEach(() => own.close());

/** Asks for the same page six times and reads nothing, or all of it; says when the connection has ended. */
const CLIENT = `
  const [host, port, reads] = process.argv.slice(1);
  const socket = require("node:net").connect(Number(port), host);
  socket.on("error", () => {});
  socket.on("close", () => console.log("ended"));
  socket.write(("GET /holdfast.js HTTP/1.1\\r\\nHost: " + host + "\\r\\n\\r\\n").repeat(6));
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    if (bytes > 180_000) { bytes = -1e9; console.log("read"); }
  });
  if (reads !== "reads") socket.pause();
  setTimeout(() => {}, 1e9);
  console.log("asked");
`;

describe("an answer that its client does not read", () => {
  testInNamespace(
    own,
    "ends its connection after writeTimeout and the time for its bytes; one that is read does not",
    async (network) => {
      network.sysctl("net.ipv4.tcp_rmem", "4096 4096 4096");
      const gateway = own.add(
        await GatewayProcess.start({
          args: ["--workers", "1", "--host", network.host, "--anonymous", "--write-timeout", "1s"],
        }),
      );
      const cuts = async (): Promise<readonly unknown[]> =>
        samples((await gateway.adminGet("/metrics")).text, "holdfast_http_connections_cut_total");
      const reader = own.add(network.node(CLIENT, network.host, `${gateway.port}`, "reads"));
      const deaf = own.add(network.node(CLIENT, network.host, `${gateway.port}`, "is deaf"));
      await Promise.all([reader.line("read"), deaf.line("asked")]);
      await eventually("one is cut", async () => (await cuts()).length > 0, 60_000);
      expect(await cuts()).toEqual([{ labels: { why: "unread" }, value: 1 }]);
      expect(reader.lines).not.toContain("ended");
      expect((await gateway.get("/healthz")).status).toBe(200);
    },
  );
});
