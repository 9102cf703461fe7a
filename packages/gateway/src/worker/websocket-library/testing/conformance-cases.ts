/**
 * What RFC 6455 asks of a server, case by case: a client's frames, and what it is to hear. RFC 7692 §6 to
 * §8 beside it, for clients that agreed on compression without context.
 *
 * Data, run against each engine: one table, in the order of the sections. A case without an end of its own
 * is ended by the client with 1000.
 */
import { constants, deflateRawSync } from "node:zlib";
import { MAX_FRAGMENTS } from "../../websocket/assembly.js";
import { OPCODES } from "../../websocket/framing.js";
import type { FrameParts } from "../../websocket/testing/client-frame.js";
import { rowOf, VIOLATIONS } from "../../websocket/violations.js";

export interface ConformanceCase {
  /** The section of RFC 6455, and the case. */
  readonly name: string;
  readonly parts: readonly FrameParts[];
  readonly heard: readonly string[];
}

export const MAX_PAYLOAD = 70_000;
const { continuation, text, binary, close, ping, pong } = OPCODES;

const raw = (content: string | readonly number[]): Buffer =>
  typeof content === "string" ? Buffer.from(content) : Buffer.from([...content]);
const say = (content: string | readonly number[], more: Partial<FrameParts> = {}): FrameParts => ({
  opcode: text,
  payload: raw(content),
  ...more,
});
const control = (opcode: number, bytes: number, more: Partial<FrameParts> = {}): FrameParts => ({
  opcode,
  payload: Buffer.alloc(bytes, "c"),
  ...more,
});
const part = (
  content: string | readonly number[],
  final: boolean,
  opcode: number = continuation,
): FrameParts => ({
  opcode,
  payload: raw(content),
  final,
});
const goodbye = (code: number, reason: string | readonly number[] = ""): FrameParts => ({
  opcode: close,
  payload: Buffer.concat([Buffer.of(code >> 8, code & 255), raw(reason)]),
});

const BYE = goodbye(1000);

function good(name: string, parts: readonly FrameParts[], heard: readonly string[]): ConformanceCase {
  return { name, parts: [...parts, BYE], heard: [...heard, "close 1000"] };
}

/** Ended by the client's own close frame. */
function ends(name: string, parts: readonly FrameParts[], heard: readonly string[]): ConformanceCase {
  return { name, parts, heard };
}

/** What comes before is heard, what comes behind is not. */
function bad(name: string, parts: readonly FrameParts[], why: keyof typeof VIOLATIONS): ConformanceCase {
  const { code, sentence } = VIOLATIONS[why];
  const row = rowOf(code);
  return {
    name,
    parts: [say("before"), ...parts, say("behind")],
    heard: ["heard before", `refused: ${sentence}`, `close ${row.code} ${row.name}`],
  };
}

const lengths: readonly ConformanceCase[] = [
  ...[0, 1, 2, 124, 125, 126, 127, 128, 1_000, 65_534, 65_535, 65_536, 65_537, MAX_PAYLOAD].map((length) =>
    good(`§5.2 a text of ${length} bytes`, [say("x".repeat(length))], [`heard ${"x".repeat(length)}`]),
  ),
  ...([16, 64] as const).flatMap((lengthBits) =>
    [0, 1, 125].map((length) =>
      good(
        `§5.2 a length of ${length} in ${lengthBits} bits`,
        [say("x".repeat(length), { lengthBits })],
        [`heard ${"x".repeat(length)}`],
      ),
    ),
  ),
];

const heads: readonly ConformanceCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((reserved) => [
    bad(`§5.2 reserved bits ${reserved} of a text`, [say("x", { reserved })], "reservedBit"),
    bad(`§5.2 reserved bits ${reserved} of a ping`, [control(ping, 1, { reserved })], "reservedBit"),
    bad(`§5.2 reserved bits ${reserved} of a close`, [{ ...BYE, reserved }], "reservedBit"),
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
    bad(`§5.2 opcode ${opcode}`, [control(opcode, 3)], "badOpcode"),
    bad(`§5.2 opcode ${opcode} without payload`, [control(opcode, 0)], "badOpcode"),
  ]),
  ...[text, binary, close, ping, pong].map((opcode) =>
    bad(
      `§5.1 no mask on a frame of opcode ${opcode}`,
      [control(opcode, 2, { mask: undefined })],
      "notMasked",
    ),
  ),
  bad(
    "§5.1 no mask on a continuation",
    [part("x", false, text), { ...part("y", true), mask: undefined }],
    "notMasked",
  ),
  ...(
    [
      [0, 0, 0, 0],
      [255, 255, 255, 255],
      [1, 2, 3, 4],
      [0, 255, 0, 255],
    ] as const
  ).map((mask) => good(`§5.3 the mask ${mask}`, [say("žluť 漢字 🦑", { mask })], ["heard žluť 漢字 🦑"])),
];

const fragments: readonly ConformanceCase[] = [
  ...[2, 3, 10, 100].map((count) =>
    good(
      `§5.4 a text in ${count} fragments`,
      Array.from({ length: count }, (_, i) => part("ab", i === count - 1, i === 0 ? text : continuation)),
      [`heard ${"ab".repeat(count)}`],
    ),
  ),
  good("§5.4 an empty first fragment", [part("", false, text), part("x", true)], ["heard x"]),
  good(
    "§5.4 an empty fragment between",
    [part("a", false, text), part("", false), part("b", true)],
    ["heard ab"],
  ),
  good("§5.4 an empty last fragment", [part("x", false, text), part("", true)], ["heard x"]),
  good("§5.4 empty fragments alone", [part("", false, text), part("", false), part("", true)], ["heard "]),
  good(
    "§5.4 a ping between fragments",
    [part("a", false, text), control(ping, 1), part("b", true)],
    ["pong c", "heard ab"],
  ),
  good(
    "§5.4 a pong between fragments",
    [part("a", false, text), control(pong, 1), part("b", true)],
    ["heard ab"],
  ),
  ends(
    "§5.4 a close between fragments",
    [part("a", false, text), goodbye(1000), part("b", true)],
    ["close 1000"],
  ),
  good(
    "§5.4 two fragmented texts",
    [part("a", false, text), part("b", true), part("c", false, text), part("d", true)],
    ["heard ab", "heard cd"],
  ),
  bad("§5.4 a text within a text", [part("a", false, text), say("b")], "messageInMessage"),
  bad(
    "§5.4 a binary message within a text",
    [part("a", false, text), control(binary, 1)],
    "messageInMessage",
  ),
  bad("§5.4 a text within a binary message", [part("a", false, binary), say("b")], "messageInMessage"),
  bad(
    "§5.4 a first fragment within a text",
    [part("a", false, text), part("b", false, text)],
    "messageInMessage",
  ),
  bad("§5.4 a last continuation of nothing", [part("x", true)], "noMessage"),
  bad("§5.4 a continuation of nothing", [part("x", false)], "noMessage"),
  bad("§5.4 an empty continuation of nothing", [part("", true)], "noMessage"),
  ...[1, 2, 7].map((reserved) =>
    bad(
      `§5.4 reserved bits ${reserved} of a continuation`,
      [part("a", false, text), { ...part("b", true), reserved }],
      "reservedBit",
    ),
  ),
];

const controls: readonly ConformanceCase[] = [
  ...[0, 1, 2, 64, 124, 125].map((length) =>
    good(`§5.5.2 a ping of ${length} bytes`, [control(ping, length)], [`pong ${"c".repeat(length)}`]),
  ),
  ...[0, 1, 125].map((length) => good(`§5.5.3 a pong of ${length} bytes`, [control(pong, length)], [])),
  good(
    "§5.5.2 pings between texts",
    [say("a"), control(ping, 1), say("b"), control(ping, 2)],
    ["heard a", "pong c", "heard b", "pong cc"],
  ),
  good(
    "§5.5.2 a ping of bytes that are not text",
    [{ opcode: ping, payload: raw([0, 255, 128]) }],
    ["pong \x00ÿ\x80"],
  ),
  ...[ping, pong, close].flatMap((opcode) => [
    ...[126, 127, 65_536].map((length) =>
      bad(`§5.5 a frame of opcode ${opcode} with ${length} bytes`, [control(opcode, length)], "badControl"),
    ),
    bad(`§5.5 a fragment of opcode ${opcode}`, [control(opcode, 2, { final: false })], "badControl"),
    bad(`§5.5 an empty fragment of opcode ${opcode}`, [control(opcode, 0, { final: false })], "badControl"),
  ]),
];

const VALID_CODES = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4500, 4999,
];
const INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 32_768, 65_535];

const closes: readonly ConformanceCase[] = [
  ends("§5.5.1 a close without a code", [control(close, 0), say("behind")], ["close"]),
  ...VALID_CODES.map((code) =>
    ends(
      `§7.4 the close code ${code}`,
      [say("a"), goodbye(code), say("behind")],
      ["heard a", `close ${code}`],
    ),
  ),
  ...INVALID_CODES.map((code) => bad(`§7.4 the close code ${code}`, [goodbye(code)], "badClose")),
  bad("§5.5.1 a close of one byte", [control(close, 1)], "badClose"),
  ...[1, 60, 122, 123].map((length) =>
    ends(
      `§5.5.1 a reason of ${length} bytes`,
      [goodbye(3000, "r".repeat(length))],
      [`close 3000 ${"r".repeat(length)}`],
    ),
  ),
  ends("§5.5.1 a ping behind a close", [goodbye(1000), control(ping, 1)], ["close 1000"]),
  ends("§5.5.1 a second close", [goodbye(1001), goodbye(1000)], ["close 1001"]),
  ends("§5.5.1 a wrong frame behind a close", [goodbye(1000), control(3, 1)], ["close 1000"]),
];

const CHARACTERS = [
  "a",
  "\u0000",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ufeff",
  "\uffff",
  "\u{10000}",
  "\u{1f991}",
  "\u{10ffff}",
  "日本語",
  "e\u0301",
];
const NOT_UTF8: readonly (readonly [name: string, content: readonly number[]])[] = [
  ["FF", [0xff]],
  ["FE", [0xfe]],
  ["a lone continuation", [0x80]],
  ["two lone continuations", [0x80, 0xbf]],
  ["an overlong slash of two bytes", [0xc0, 0xaf]],
  ["an overlong slash of three bytes", [0xe0, 0x80, 0xaf]],
  ["an overlong NUL of four bytes", [0xf0, 0x80, 0x80, 0x80]],
  ["the first surrogate", [0xed, 0xa0, 0x80]],
  ["the last surrogate", [0xed, 0xbf, 0xbf]],
  ["a pair of surrogates", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a form of five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ["two bytes cut after one", [0x61, 0xc3]],
  ["three bytes cut after two", [0x61, 0xe2, 0x82]],
  ["four bytes cut after three", [0xf0, 0x9f, 0xa6]],
  ["a character cut by ASCII", [0xe2, 0x61, 0x82]],
];

const characters: readonly ConformanceCase[] = [
  ...CHARACTERS.flatMap((character) => {
    const name = [...character].map((each) => `U+${(each.codePointAt(0) ?? 0).toString(16)}`).join(" ");
    const bytes = [...Buffer.from(character)];
    const pieces = bytes.map((byte, i) =>
      part([byte], i === bytes.length - 1, i === 0 ? text : continuation),
    );
    return [
      good(`§8.1 ${name}`, [say(character)], [`heard ${character}`]),
      good(`§8.1 ${name}, a fragment for each byte`, pieces, [`heard ${character}`]),
    ];
  }),
  ...NOT_UTF8.flatMap(([name, content]) => [
    bad(`§8.1 ${name}`, [say(content)], "notUtf8"),
    bad(
      `§8.1 ${name}, in a message of two fragments`,
      [part(content, false, text), part("", true)],
      "notUtf8",
    ),
    bad(`§8.1 ${name}, as the reason of a close`, [goodbye(1000, content)], "notUtf8"),
  ]),
];

const limits: readonly ConformanceCase[] = [
  bad("§10.4 a text over the limit", [say("x".repeat(MAX_PAYLOAD + 1))], "tooLong"),
  bad("§10.4 a binary message over the limit", [control(binary, MAX_PAYLOAD + 1)], "tooLong"),
  bad(
    "§10.4 fragments over the limit together",
    [part("x".repeat(MAX_PAYLOAD), false, text), part("x", true)],
    "tooLong",
  ),
  ...[MAX_PAYLOAD + 1, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map((claimedLength) =>
    bad(`§10.4 a head that claims ${claimedLength} bytes`, [say("", { claimedLength })], "tooLong"),
  ),
  good(
    "§10.4 as many fragments as are taken",
    [
      part("x", false, text),
      ...Array.from({ length: MAX_FRAGMENTS - 2 }, () => part("x", false)),
      part("x", true),
    ],
    [`heard ${"x".repeat(MAX_FRAGMENTS)}`],
  ),
  bad(
    "§10.4 one fragment more",
    [part("x", false, text), ...Array.from({ length: MAX_FRAGMENTS }, () => part("x", false))],
    "manyFragments",
  ),
];

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...lengths,
  ...heads,
  ...fragments,
  ...controls,
  ...closes,
  ...characters,
  ...limits,
];

const COMPRESSED = 4;

/** As a client compresses: without the tail. */
function deflated(content: string | Uint8Array, level = 6): Buffer {
  return deflateRawSync(content, { level, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const packed = (payload: Uint8Array, more: Partial<FrameParts> = {}): FrameParts => ({
  opcode: text,
  reserved: COMPRESSED,
  payload,
  ...more,
});
const LONG = "said again and again, ".repeat(40);
const SHRUNK = deflated(LONG);

/** `cuts`: where the compressed payload is cut into fragments. */
function inPieces(payload: Buffer, cuts: readonly number[]): readonly FrameParts[] {
  const edges = [0, ...cuts, payload.length];
  return edges.slice(1).map((end, i) => ({
    opcode: i === 0 ? text : continuation,
    reserved: i === 0 ? COMPRESSED : 0,
    payload: payload.subarray(edges[i], end),
    final: i === edges.length - 2,
  }));
}

export const DEFLATE_CASES: readonly ConformanceCase[] = [
  ...[0, 1, 6, 9].map((level) =>
    good(`RFC 7692 §7.2.1 a text at level ${level}`, [packed(deflated(LONG, level))], [`heard ${LONG}`]),
  ),
  ...[0, 1, 125, 126, 1_000, 60_000, MAX_PAYLOAD].map((length) =>
    good(
      `RFC 7692 §7.2.1 a text that becomes ${length} bytes`,
      [packed(deflated("x".repeat(length)))],
      [`heard ${"x".repeat(length)}`],
    ),
  ),
  good(
    "RFC 7692 §6 compressed and plain texts in turn",
    [say("a"), packed(SHRUNK), say("b"), packed(SHRUNK), packed(deflated("c")), say("d")],
    ["heard a", `heard ${LONG}`, "heard b", `heard ${LONG}`, "heard c", "heard d"],
  ),
  ...[[3], [1, 2], [10, 10], [0], [SHRUNK.length], [5, 20, 21]].map((cuts) =>
    good(`RFC 7692 §6.1 a text cut at ${cuts}`, inPieces(SHRUNK, cuts), [`heard ${LONG}`]),
  ),
  good(
    "RFC 7692 §6.1 a ping between fragments",
    [inPieces(SHRUNK, [5])[0] as FrameParts, control(ping, 1), inPieces(SHRUNK, [5])[1] as FrameParts],
    ["pong c", `heard ${LONG}`],
  ),
  good("RFC 7692 §7.2.3.6 an empty text", [packed(raw([0]))], ["heard "]),
  good("RFC 7692 §7.2.3.6 an empty text, as zlib makes it", [packed(raw([2, 0]))], ["heard "]),
  good("RFC 7692 §7.2.3.1 one block", [packed(Buffer.from("f248cdc9c90700", "hex"))], ["heard Hello"]),
  good(
    "RFC 7692 §7.2.3.3 a stored block",
    [packed(Buffer.from("000500faff48656c6c6f00", "hex"))],
    ["heard Hello"],
  ),
  good("RFC 7692 §7.2.3.4 a last block", [packed(Buffer.from("f348cdc9c9070000", "hex"))], ["heard Hello"]),
  good(
    "RFC 7692 §7.2.3.5 two blocks",
    [packed(Buffer.from("f24805000000ffffcac9c90700", "hex"))],
    ["heard Hello"],
  ),
  ...[close, ping, pong].map((opcode) =>
    bad(
      `RFC 7692 §6.1 the bit of compression on a frame of opcode ${opcode}`,
      [control(opcode, 2, { reserved: COMPRESSED })],
      "reservedBit",
    ),
  ),
  ...[1, 2, 3, 5, 6, 7].map((reserved) =>
    bad(`RFC 7692 §6 reserved bits ${reserved} of a text`, [packed(SHRUNK, { reserved })], "reservedBit"),
  ),
  bad(
    "RFC 7692 §6.1 the bit on the second fragment",
    [part("a", false, text), { ...part("b", true), reserved: COMPRESSED }],
    "reservedBit",
  ),
  bad(
    "RFC 7692 §6.1 the bit on both fragments",
    [packed(SHRUNK, { final: false }), { ...part("b", true), reserved: COMPRESSED }],
    "reservedBit",
  ),
  ...[
    ["a block of a kind that there is not", [0xff, 0xff]],
    ["a stored block with a wrong length", [0, 5, 0, 5, 0, 0x48]],
    ["a distance beyond the beginning", [0x4b, 0x04, 0x52, 0x00, 0x62]],
  ].map(([what, bytes]) =>
    bad(`RFC 7692 §7.2.2 ${what}`, [packed(raw(bytes as readonly number[]))], "notDeflated"),
  ),
  bad("RFC 6455 §8.1 what is inflated is not UTF-8", [packed(deflated(raw([0xc3])))], "notUtf8"),
  bad("RFC 7692 §8 a bomb", [packed(deflated("x".repeat(60_000_000)))], "tooLong"),
  bad("RFC 7692 §8 one byte more than is taken", [packed(deflated("x".repeat(MAX_PAYLOAD + 1)))], "tooLong"),
  bad(
    "RFC 7692 §8 fragments that become more than is taken",
    inPieces(deflated("x".repeat(MAX_PAYLOAD + 1)), [20, 40]),
    "tooLong",
  ),
];
