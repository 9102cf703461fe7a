import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { bufferBytes } from "./kernel.js";
import { parseOpenFiles, parsePortRange, readMachine } from "./limits.js";
import { listenerOf, listeners } from "./listener.js";

test("the open files are those of the hard limit", () => {
  const text =
    "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 20000                files\n";
  expect(parseOpenFiles(text)).toBe(20_000);
  expect(parseOpenFiles(text.replace("20000", "unlimited"))).toBe(Number.MAX_SAFE_INTEGER);
  expect(parseOpenFiles("")).toBe(1_024);
});

test("the port range has a default", () => {
  expect(parsePortRange("1024\t65535\n")).toEqual([1_024, 65_535]);
  expect(parsePortRange("")).toEqual([32_768, 60_999]);
  expect(readMachine().openFiles).toBeGreaterThan(0);
});

test("socket buffers are counted in pages", () => {
  expect(
    bufferBytes("sockets: used 11\nTCP: inuse 1 orphan 0 tw 3006 alloc 1 mem 84\nUDP: inuse 0 mem 7\n"),
  ).toBe(84 * 4096);
  expect(bufferBytes("")).toBe(0);
});

test("only sockets that listen on the port are its listeners", () => {
  const line = (port: string, state: string, inode: number): string =>
    `   0: 0100007F:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100`;
  const text = [line("1F90", "0A", 11), line("1F90", "01", 12), line("1F91", "0A", 13)].join("\n");
  expect(listeners(text, 8080)).toEqual(["11"]);
});

test("this process is found by its port", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const expected = process.platform === "linux" ? process.pid : undefined;
  expect(listenerOf(port)).toBe(expected);
  await new Promise((resolve) => server.close(resolve));
  expect(listenerOf(port)).toBeUndefined();
});
