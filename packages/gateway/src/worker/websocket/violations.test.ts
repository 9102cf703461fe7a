import { describe, expect, it } from "@jest/globals";
import { MAX_FRAGMENTS } from "./assembly.js";
import { OPCODES } from "./framing.js";
import { clientFrame, type FrameParts } from "./testing/client-frame.js";
import { HeardFrames } from "./testing/heard-frames.js";
import { VIOLATIONS } from "./violations.js";

const { continuation, text, close, ping } = OPCODES;
const x = Buffer.from("x");
const begin: FrameParts = { opcode: text, final: false, payload: x };
const more: FrameParts = { opcode: continuation, final: false, payload: x };

/** What a client sends, by the name of what is wrong with it. */
const WRONG: Readonly<Record<string, readonly FrameParts[]>> = {
  reserved_bit: [{ opcode: text, payload: x, reserved: 4 }],
  not_masked: [{ opcode: text, payload: x, mask: undefined }],
  bad_opcode: [{ opcode: 3, payload: x }],
  no_message: [{ opcode: continuation, payload: x }],
  message_in_message: [begin, { opcode: text, payload: x }],
  bad_control: [{ opcode: ping, payload: Buffer.alloc(126) }],
  bad_close: [{ opcode: close, payload: Buffer.of(0x03, 0xed) }],
  not_utf8: [{ opcode: text, payload: Buffer.of(0xff) }],
  not_deflated: [{ opcode: text, payload: Buffer.of(0xff), reserved: 4 }],
  many_fragments: [begin, ...Array.from({ length: MAX_FRAGMENTS }, () => more)],
  too_long: [{ opcode: text, payload: Buffer.alloc(2_000, "y") }],
};

describe("a violation", () => {
  it.each(Object.entries(WRONG))("is named by what the client sent: %s", (name, parts) => {
    expect(
      new HeardFrames(1_900, name === "not_deflated").feed(Buffer.concat(parts.map(clientFrame))).violation,
    ).toBe(name);
  });

  it("of each name has its client here, and a sentence that fits into a close frame", () => {
    const all = Object.values(VIOLATIONS);
    expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(WRONG).sort());
    for (const { sentence } of all) {
      expect(sentence).toMatch(/^A .*\.$/);
      expect(Buffer.byteLength(sentence)).toBeLessThanOrEqual(123);
    }
  });
});
