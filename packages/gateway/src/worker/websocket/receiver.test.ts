/**
 * The receiver by the letter of RFC 6455 §5, each case in one piece and byte by byte.
 */
import { describe, expect, it } from "@jest/globals";
import { MAX_FRAGMENTS } from "./assembly.js";
import { OPCODES } from "./framing.js";
import { clientFrame, type FrameParts } from "./testing/client-frame.js";
import { HeardFrames } from "./testing/heard-frames.js";

const MAX_PAYLOAD = 100_000;
const { continuation, text, binary, close, ping, pong } = OPCODES;

const bytes = (content: string | number[]): Buffer => Buffer.from(content as string);
const frames = (...parts: FrameParts[]): Buffer => Buffer.concat(parts.map(clientFrame));
const whole = (content: string): FrameParts => ({ opcode: text, payload: bytes(content) });
const closing = (code: number, reason: string | number[] = ""): FrameParts => {
  const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), bytes(reason)]);
  return { opcode: close, payload };
};

/** What is heard, which must not depend on the segments. */
function hear(input: Buffer): string[] {
  const { heard } = new HeardFrames(MAX_PAYLOAD).feed(input);
  const slow = new HeardFrames(MAX_PAYLOAD);
  for (const byte of input) slow.feed(Buffer.of(byte));
  expect(slow.heard).toEqual(heard);
  return heard;
}

const shortened = (heard: string[]): string[] => heard.map((what) => what.slice(0, 20));

describe("messages", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, MAX_PAYLOAD])("of %i bytes are taken", (length) => {
    expect(hear(frames(whole("x".repeat(length)), whole("next")))).toEqual([
      `text ${"x".repeat(length)}`,
      "text next",
    ]);
  });

  it("may say their length in more bits than it takes", () => {
    expect(hear(frames({ ...whole("a"), lengthBits: 16 }, { ...whole("b"), lengthBits: 64 }))).toEqual([
      "text a",
      "text b",
    ]);
  });

  it("may be of any language, and have any mask", () => {
    const content = "žluťoučký 漢字 🦑 \u0000";
    const masks = [MASKS.zero, MASKS.ones, MASKS.other].map((mask) => ({ ...whole(content), mask }));
    expect(hear(frames(...masks))).toEqual(Array.from({ length: 3 }, () => `text ${content}`));
  });

  it("may be fragmented anywhere, also within a character, with control frames in between", () => {
    const [start, rest] = [bytes("🦑").subarray(0, 1), bytes("🦑").subarray(1)];
    const input = frames(
      { opcode: text, final: false, payload: start },
      { opcode: ping, payload: bytes("1") },
      { opcode: continuation, final: false, payload: bytes("") },
      { opcode: pong, payload: bytes("2") },
      { opcode: continuation, payload: rest },
      whole("next"),
    );
    expect(hear(input)).toEqual(["ping 1", "pong", "text 🦑", "text next"]);
  });

  it("may be binary, which is not checked for UTF-8", () => {
    const input = frames(
      { opcode: binary, payload: bytes([0xff]) },
      { opcode: binary, final: false, payload: bytes([0xff]) },
      { opcode: continuation, payload: bytes([0xfe]) },
    );
    expect(hear(input)).toEqual(["binary", "binary"]);
  });

  it("leave nothing behind", () => {
    const receiver = new HeardFrames(MAX_PAYLOAD);
    const input = frames({ ...whole("a"), final: false }, { opcode: continuation, payload: bytes("b") });
    receiver.feed(input.subarray(0, 3));
    expect(receiver.keeps).toBe(true);
    receiver.feed(input.subarray(3));
    expect(receiver.heard).toEqual(["text ab"]);
    expect(receiver.keeps).toBe(false);
  });
});

const MASKS = { zero: [0, 0, 0, 0], ones: [255, 255, 255, 255], other: [1, 2, 3, 4] } as const;

describe("limits", () => {
  it.each([
    ["a frame", frames(whole("x".repeat(MAX_PAYLOAD + 1)))],
    ["its header alone", frames({ ...whole(""), claimedLength: MAX_PAYLOAD + 1 })],
    ["a length beyond 2^53", frames({ ...whole(""), claimedLength: 2n ** 53n })],
    ["a length of 2^64 - 1", frames({ ...whole(""), claimedLength: 2n ** 64n - 1n })],
    [
      "fragments together",
      frames(
        { ...whole("x".repeat(MAX_PAYLOAD)), final: false },
        { opcode: continuation, payload: bytes("x") },
      ),
    ],
  ])("%s over the limit is too big", (_what, input) => {
    expect(hear(input)).toEqual(["violation 1009"]);
  });

  it("counts fragments with payload, and no others", () => {
    const empty = frames({ opcode: continuation, final: false, payload: bytes("") });
    const one = frames({ opcode: continuation, final: false, payload: bytes("x") });
    const start = frames({ ...whole("x"), final: false });
    const end = frames({ opcode: continuation, payload: bytes("") });
    const most = [start, ...Array.from({ length: MAX_FRAGMENTS - 1 }, () => one)];
    const many = Array.from({ length: 3 * MAX_FRAGMENTS }, () => empty);
    expect(hear(Buffer.concat([...most, ...many, end]))).toEqual([`text ${"x".repeat(MAX_FRAGMENTS)}`]);
    expect(hear(Buffer.concat([...most, one, end]))).toEqual(["violation 1008"]);
  });

  it("believes no header: memory grows with what arrived", () => {
    const before = process.memoryUsage().arrayBuffers;
    const header = clientFrame({ ...whole(""), claimedLength: 1 << 30 });
    const receivers = Array.from({ length: 100 }, () => new HeardFrames(1 << 30).feed(header));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(receivers.every(({ keeps }) => keeps)).toBe(true);
  });
});

describe("violations of the framing", () => {
  const some = bytes("x");
  it.each<[what: string, parts: FrameParts[]]>([
    ["no mask", [{ ...whole("x"), mask: undefined }]],
    ["no mask on a control frame", [{ opcode: ping, payload: some, mask: undefined }]],
    ...[1, 2, 4, 7].map((reserved): [string, FrameParts[]] => [
      `reserved bits ${reserved}`,
      [{ ...whole("x"), reserved }],
    ]),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, FrameParts[]] => [
      `opcode ${opcode}`,
      [{ opcode, payload: some }],
    ]),
    ["a continuation of nothing", [{ opcode: continuation, payload: some }]],
    [
      "a first fragment of nothing, as a continuation",
      [{ opcode: continuation, final: false, payload: some }],
    ],
    ["a message within a message", [{ ...whole("x"), final: false }, whole("y")]],
    [
      "a binary message within a text",
      [
        { ...whole("x"), final: false },
        { opcode: binary, payload: some },
      ],
    ],
    ["a fragmented ping", [{ opcode: ping, final: false, payload: some }]],
    ["a fragmented pong", [{ opcode: pong, final: false, payload: some }]],
    ["a fragmented close", [{ ...closing(1000), final: false }]],
    ["a ping of 126 bytes", [{ opcode: ping, payload: Buffer.alloc(126) }]],
    ["a close of one byte", [{ opcode: close, payload: some }]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code): [string, FrameParts[]] => [
      `the close code ${code}`,
      [closing(code)],
    ]),
  ])("%s", (_what, parts) => {
    expect(hear(frames(whole("before"), ...parts, whole("after")))).toEqual([
      "text before",
      "violation 1002",
    ]);
  });
});

describe("text that is not UTF-8", () => {
  it.each([
    ["a byte that never occurs", [0xff]],
    ["a character that is not whole", [0xf0, 0x9f, 0xa6]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["beyond the last character", [0xf4, 0x90, 0x80, 0x80]],
  ])("%s", (_what, content) => {
    expect(hear(frames({ opcode: text, payload: bytes(content) }))).toEqual(["violation 1007"]);
    const fragments = content.map(
      (byte, i): FrameParts => ({
        opcode: i === 0 ? text : continuation,
        final: false,
        payload: bytes([byte]),
      }),
    );
    const end = { opcode: continuation, payload: bytes("") };
    expect(hear(frames(...fragments, end))).toEqual(["violation 1007"]);
    expect(hear(frames(closing(1000, content)))).toEqual(["violation 1007"]);
  });
});

describe("the end", () => {
  it.each([
    ["without a code", { opcode: close, payload: bytes("") }, "close "],
    ["with a code", closing(1000), "close \x03\xe8"],
    ["with a code of the application", closing(4999, "bye"), "close \x13\x87bye"],
    ["with the longest reason", closing(3000, "x".repeat(123)), `close \x0b\xb8${"x".repeat(123)}`],
  ])("%s", (_what, parts, heard) => {
    expect(hear(frames(whole("before"), parts, whole("after")))).toEqual(["text before", heard]);
  });

  it("may come within a message", () => {
    expect(shortened(hear(frames({ ...whole("x"), final: false }, closing(1000))))).toEqual([
      "close \x03\xe8",
    ]);
  });

  it("is there when the listener says so", () => {
    const receiver = new HeardFrames(MAX_PAYLOAD);
    receiver.stopAt = "text stop";
    receiver.feed(frames(whole("a"), whole("stop"), whole("b")));
    expect(receiver.heard).toEqual(["text a", "text stop"]);
  });
});
