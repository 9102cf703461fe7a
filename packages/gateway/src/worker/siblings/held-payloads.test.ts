import { expect, test } from "@jest/globals";
import { HeldPayloads, MAX_HELD_BYTES, PAYLOAD_OVERHEAD_BYTES } from "./held-payloads.js";

test("held payloads are bounded in number, also where each is empty", () => {
  const held = new HeldPayloads();
  const most = Math.floor(MAX_HELD_BYTES / PAYLOAD_OVERHEAD_BYTES);
  for (let n = 0; n < most; n++) expect(held.add(Buffer.alloc(0))).toBe(true);
  expect(held.add(Buffer.alloc(0))).toBe(false);
  expect(held.release()).toHaveLength(most + 1);
  expect(held.add(Buffer.alloc(0))).toBe(true);
});

test("a held payload keeps nothing of what was read with it", () => {
  const held = new HeldPayloads();
  const chunk = Buffer.alloc(64 * 1024, "a");
  held.add(chunk.subarray(10, 13));
  chunk.fill("b");
  expect(held.release().map(String)).toEqual(["aaa"]);
});
