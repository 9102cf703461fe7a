import { expect, test } from "@jest/globals";
import { bufferBytes, slabBytes } from "./kernel.js";

test("counts the pages that the objects of socket caches take", () => {
  const slabinfo = [
    "slabinfo - version: 2.1",
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables",
    "TCP                  26     26   2368   13    8 : tunables 0 0 0 : slabdata 2 2 0",
    "kmalloc-8k          100    100   8192    4    8 : tunables 0 0 0 : slabdata 25 25 0",
  ].join("\n");
  expect(slabBytes(slabinfo)).toBe(2 * 8 * 4096);
});

test("reads the buffers of TCP", () => {
  expect(
    bufferBytes("sockets: used 76\nTCP: inuse 18 orphan 0 tw 1 alloc 19 mem 349\nUDP: inuse 0 mem 7\n"),
  ).toBe(349 * 4096);
  expect(bufferBytes("")).toBe(0);
});
