import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { outgoingConnectionOn } from "./port-holder.js";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n";
const tables =
  (tcp: string, tcp6 = "") =>
  (path: string) =>
    HEAD + (path.endsWith("6") ? tcp6 : tcp);

describe("what has a port that nothing listens on", () => {
  it("is an outgoing connection, with its other side", () => {
    const table = "   0: 0100007F:1F90 0502000A:18EB 01 0:0\n   1: 0100007F:1F91 00000000:0000 0A 0:0\n";
    expect(outgoingConnectionOn(8080, tables(table))).toEqual({ to: "10.0.2.5:6379" });
  });

  it.each([
    [
      "a listener has it",
      "   0: 0100007F:1F90 00000000:0000 0A 0:0\n   1: 0100007F:1F90 0502000A:18EB 01 0:0",
    ],
    ["nothing has it", "   0: 0100007F:1F91 0502000A:18EB 01 0:0"],
    ["there is no table", ""],
  ])("is not known where %s", (_what, table) => {
    expect(outgoingConnectionOn(8080, tables(table))).toBeUndefined();
  });

  it("may be one over IPv6", () => {
    const line = `   0: ${"0".repeat(32)}:1F90 ${"F".repeat(32)}:18EB 01 0:0`;
    expect(outgoingConnectionOn(8080, tables("", line))).toEqual({ to: undefined });
  });

  const onLinux = process.platform === "linux" ? it : it.skip;
  onLinux("is read of the machine's own tables", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    expect(outgoingConnectionOn(socket.localPort ?? 0)).toEqual({ to: `127.0.0.1:${port}` });
    expect(outgoingConnectionOn(port)).toBeUndefined();
    socket.destroy();
    server.close();
  });
});
