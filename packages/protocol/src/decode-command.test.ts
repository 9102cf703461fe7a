import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { errors } from "./codes.js";
import { type DecodedCommand, decodeCommands } from "./decode-command.js";
import { encodeCommand } from "./encode.js";
import type { Command, Json, ReceivedCommand } from "./frame.js";
import {
  MAX_COMMANDS_PER_MESSAGE,
  MAX_CURSOR_LENGTH,
  MAX_DEPTH,
  MAX_HISTORY_LIMIT,
  MAX_KEY_LENGTH,
  MAX_PRESENCE_LIMIT,
  MAX_RESUME_TOKEN_LENGTH,
  MAX_TOKEN_LENGTH,
} from "./limits.js";

/** Any UTF-16 at all, lone surrogates included. */
const anyText = fc
  .array(fc.nat(0xffff), { maxLength: 200 })
  .map((units) => units.map((unit) => String.fromCharCode(unit)).join(""));

const json = fc.jsonValue({ maxDepth: 6 }) as fc.Arbitrary<Json>;

const SID = "AAAB0123456789abcdef";

/**
 * What a writer of clients gets wrong: the right keys with anything behind them, in any order, with any
 * separator.
 */
const nearFrame = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "id",
        "connect",
        "subscribe",
        "unsubscribe",
        "publish",
        "history",
        "send",
        "presence",
        "error",
        "__proto__",
        "constructor",
      ),
      fc.oneof(
        json.map((value) => JSON.stringify(value)),
        fc.constantFrom("1", "2", "-0", "1e400", "1.0", "9007199254740993", "{}", '{"channel":"news"}'),
        fc.constantFrom('{"channel":"a","channel":"b c"}', '{"__proto__":{"channel":"a"}}', "", "}"),
      ),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => `{${pairs.map(([key, value]) => `"${key}":${value}`).join(",")}}`);

const nearMessage = fc
  .array(
    fc.tuple(
      fc.oneof(nearFrame, anyText, fc.constantFrom("{}", "", " ", "[]", "null")),
      fc.constantFrom("\n", "\r\n", "\n\n", "\u2028", "\ufeff", "\0"),
    ),
    { maxLength: 80 },
  )
  .map((lines) => lines.flat().join(""));

const rows = new Set<string>(Object.values(errors).map(({ code, name }) => `${code} ${name}`));

function expectBounded(message: string): void {
  const decoded = decodeCommands(message);
  expect(decoded.length).toBeGreaterThan(0);
  expect(decoded.length).toBeLessThanOrEqual(Math.min(MAX_COMMANDS_PER_MESSAGE, message.length) + 1);
  for (const [index, one] of decoded.entries()) {
    if (one.kind === "malformed") {
      expect(index).toBe(decoded.length - 1);
      expect(one.problem.length).toBeLessThan(60);
    } else if (one.kind === "invalid") {
      const { code, name, message } = one.error;
      expect(rows.has(`${code} ${name}`)).toBe(true);
      // A character of a name is written as six at most.
      expect(message.length).toBeLessThan(600);
      expect(one.id).toBeGreaterThan(0);
    } else {
      expect(["ping", "command"]).toContain(one.kind);
    }
  }
}

/** As a client would say it: with its data as a value. */
function asSaid(command: ReceivedCommand): Command {
  switch (command.op) {
    case "publish":
      return { ...command, body: { ...command.body, data: JSON.parse(String(command.body.data)) as Json } };
    case "send":
      return { ...command, body: { data: JSON.parse(command.body.data) as Json } };
    default:
      return command;
  }
}

/** The one thing that a message of one frame decodes to. */
function decodeOne(frame: string): DecodedCommand | undefined {
  const decoded = decodeCommands(frame);
  expect(decoded).toHaveLength(1);
  return decoded[0];
}

const malformed = { kind: "malformed", problem: expect.any(String) };

describe("decodeCommands, for whatever a peer sends", () => {
  it("answers any text with values from its own tables, no more of them than there were lines", () => {
    fc.assert(fc.property(anyText, expectBounded), { numRuns: 1000 });
  });

  it("answers any bytes, read as latin1 or as UTF-8", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("latin1", "utf8"), (bytes, encoding) =>
        expectBounded(Buffer.from(bytes).toString(encoding as "latin1" | "utf8")),
      ),
      { numRuns: 1000 },
    );
  });

  it("answers near-misses of frames and of separators", () => {
    fc.assert(fc.property(nearMessage, expectBounded), { numRuns: 1000 });
  });

  it("answers any JSON that is not a frame with `malformed`", () => {
    fc.assert(
      fc.property(
        json.filter((value) => typeof value !== "object" || value === null || !("id" in value)),
        (value) => {
          const text = JSON.stringify(value);
          expect(decodeOne(text)).toEqual(text === "{}" ? { kind: "ping" } : malformed);
        },
      ),
    );
  });

  it("answers a cut or bit-flipped command like any other text", () => {
    const whole = Buffer.from(
      '{"id":7,"connect":{"token":"t","subs":{"room:1":{"offset":3,"epoch":"e"}}}}\n{}',
    );
    for (let length = 0; length <= whole.length; length++) expectBounded(whole.toString("utf8", 0, length));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expectBounded(flipped.toString("utf8"));
    }
  });

  it.each([1e3, 1e5, 1e6])("refuses %d nested arrays without recursion", (depth) => {
    const deep = "[".repeat(depth) + "]".repeat(depth);
    expect(decodeOne(deep)).toEqual(malformed);
    expect(decodeOne(`{"id":1,"publish":{"channel":"a","data":${deep}}}`)).toEqual(malformed);
    expect(decodeOne(`"\n${deep}`)).toEqual(malformed);
  });
});

describe("decodeCommands, for the commands of the protocol", () => {
  const channel = fc.constantFrom(
    "news",
    "room:1",
    "user:42",
    "a:b:c",
    "ünï:x".slice(4),
    "日本",
    "__proto__",
  );
  const position = fc.record({
    offset: fc.nat(Number.MAX_SAFE_INTEGER),
    epoch: fc.string({ minLength: 1, maxLength: 64 }),
  });
  const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.record({
      op: fc.constant("connect" as const),
      id,
      body: fc.record(
        {
          token: fc.string({ unit: "binary", minLength: 1, maxLength: 100 }),
          client: fc.string({ unit: "binary", maxLength: 30 }),
          resume: fc.record({
            sid: fc.stringMatching(/^[A-Za-z0-9_-]{20}$/),
            token: fc.string({ unit: "binary", minLength: 1, maxLength: MAX_RESUME_TOKEN_LENGTH }),
          }),
          subs: fc.dictionary(channel, fc.option(position)),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.record({
      op: fc.constant("subscribe" as const),
      id,
      body: fc.record({ channel, since: position }, { requiredKeys: ["channel"] }),
    }),
    fc.record({ op: fc.constant("unsubscribe" as const), id, body: fc.record({ channel }) }),
    fc.record({
      op: fc.constant("publish" as const),
      id,
      body: fc.record(
        { channel, data: json, key: fc.string({ minLength: 1, maxLength: MAX_KEY_LENGTH }) },
        { requiredKeys: ["channel", "data"] },
      ),
    }),
    fc.record({
      op: fc.constant("history" as const),
      id,
      body: fc.record(
        { channel, since: position, limit: fc.nat(MAX_HISTORY_LIMIT), reverse: fc.boolean() },
        { requiredKeys: ["channel"] },
      ),
    }),
    fc.record({
      op: fc.constant("presence" as const),
      id,
      body: fc.record(
        {
          channel,
          limit: fc.nat(MAX_PRESENCE_LIMIT),
          cursor: fc.string({ minLength: 1, maxLength: MAX_CURSOR_LENGTH }),
        },
        { requiredKeys: ["channel"] },
      ),
    }),
    fc.record({ op: fc.constant("send" as const), id, body: fc.record({ data: json }) }),
  );

  it("gives back what encodeCommand was given", () => {
    fc.assert(
      fc.property(command, (given) => {
        const text = encodeCommand(given);
        expect(text).not.toMatch(/[\r\n]/);
        // Compared as JSON, which has no -0.
        const decoded = decodeOne(text);
        const said = decoded?.kind === "command" ? { ...decoded, command: asSaid(decoded.command) } : decoded;
        expect(JSON.stringify(said)).toBe(JSON.stringify({ kind: "command", command: given }));
      }),
    );
  });

  it("gives back several in one message, in their order", () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 1, maxLength: 10 }),
        fc.constantFrom("\n", "\r\n", "\n\n", "\r\n \t\r\n"),
        (given, separator) => {
          const message = given.map((command) => encodeCommand(command)).join(separator) + separator;
          const decoded = decodeCommands(message);
          expect(decoded.map((one) => one.kind === "command" && one.command.id)).toEqual(
            given.map(({ id }) => id),
          );
        },
      ),
    );
  });

  it("takes the keys in any order and white space around them", () => {
    const expected = { kind: "command", command: { op: "unsubscribe", id: 3, body: { channel: "a" } } };
    expect(decodeOne('{"unsubscribe":{"channel":"a"},"id":3}')).toEqual(expected);
    expect(decodeOne(' \t{ "id" : 3 , "unsubscribe" : { "channel" : "a" } }\r')).toEqual(expected);
    expect(decodeOne('{"id":3.0,"unsubscribe":{"channel":"a","later":1}}')).toEqual(expected);
  });

  it("takes the last of a repeated key, as JSON.parse does", () => {
    expect(decodeOne('{"id":1,"id":2,"unsubscribe":{"channel":"a"}}')).toMatchObject({ command: { id: 2 } });
  });

  it("keeps 64 characters of the client's name", () => {
    const text = encodeCommand({ op: "connect", id: 1, body: { client: "x".repeat(65) } });
    expect(decodeOne(text)).toMatchObject({ command: { body: { client: "x".repeat(64) } } });
  });

  it("keeps data as it was written: numbers, escapes, repeated keys and white space", () => {
    const data = '{ "id":1152921504606846977 ,"price":2.50,"n":1e999,"z":-0,"\\u0061":[ 1.0 ],"a":1 }';
    for (const frame of [
      `{"id":1,"publish":{"channel":"a","data":${data}}}`,
      `{"publish":{"data":0,"d\\u0061ta":${data},"channel":"a","key":"}"},"id":1}`,
      `{"id":1,"send":{"data":${data}}}`,
    ])
      expect(decodeOne(frame)).toMatchObject({ command: { body: { data } } });
  });

  it("carries data with keys that mean something to JavaScript, and changes no prototype", () => {
    const text = '{"id":1,"publish":{"channel":"a","data":{"__proto__":{"polluted":1},"toJSON":2}}}';
    const decoded = decodeOne(text);
    expect(decoded?.kind === "command" && encodeCommand(asSaid(decoded.command))).toBe(text);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("decodeCommands, for frames that are no command", () => {
  it.each([
    ["no id", '{"subscribe":{"channel":"a"}}'],
    ["an id of 0", '{"id":0,"subscribe":{"channel":"a"}}'],
    ["an id of -0", '{"id":-0,"subscribe":{"channel":"a"}}'],
    ["a negative id", '{"id":-1,"subscribe":{"channel":"a"}}'],
    ["a fraction as id", '{"id":1.5,"subscribe":{"channel":"a"}}'],
    ["an id that is not exact in a double", '{"id":9007199254740993,"subscribe":{"channel":"a"}}'],
    ["an infinite id", '{"id":1e400,"subscribe":{"channel":"a"}}'],
    ["a string as id", '{"id":"1","subscribe":{"channel":"a"}}'],
    ["an inherited id", '{"__proto__":{"id":1},"subscribe":{"channel":"a"}}'],
    ["an array", "[]"],
    ["null", "null"],
    ["a byte order mark", "\ufeff{}"],
    ["white space that is not JSON's", "\u00a0{}"],
    ["a line separator between frames", "{}\u2028{}"],
    ["two frames on a line", "{}{}"],
    ["nothing", ""],
    ["blank lines only", "\r\n \r\n\n"],
  ])("finds %s malformed", (_what, message) => {
    expect(decodeOne(message)).toEqual(malformed);
  });

  it.each([
    ["an id alone", '{"id":1}', errors.unknownCommand],
    ["an unknown command", '{"id":1,"whois":{}}', errors.unknownCommand],
    ["two commands", '{"id":1,"connect":{},"publish":{}}', errors.unknownCommand],
    ["a key of Object.prototype", '{"id":1,"constructor":{}}', errors.unknownCommand],
    ["`__proto__`", '{"id":1,"__proto__":{"channel":"a"}}', errors.unknownCommand],
    ["a key that sorts before the id", '{"id":1,"5":{}}', errors.unknownCommand],
    ["no body", '{"id":1,"connect":null}', errors.badRequest],
    ["an array as body", '{"id":1,"connect":[]}', errors.badRequest],
    ["a token that is not text", '{"id":1,"connect":{"token":1}}', errors.badRequest],
    [
      "too long a token",
      `{"id":1,"connect":{"token":"${"x".repeat(MAX_TOKEN_LENGTH + 1)}"}}`,
      errors.badRequest,
    ],
    ["a client that is not text", '{"id":1,"connect":{"client":{}}}', errors.badRequest],
    ...(
      [
        ["is text", '"t"'],
        ["is null", "null"],
        ["has no token", `{"sid":"${SID}"}`],
        ["has no sid", '{"token":"t"}'],
        ["has a sid that is none", '{"sid":"short","token":"t"}'],
        ["has a sid in a list", `{"sid":["${SID}"],"token":"t"}`],
        ["has an empty token", `{"sid":"${SID}","token":""}`],
        ["has a token that is not text", `{"sid":"${SID}","token":1}`],
        ["has too long a token", `{"sid":"${SID}","token":"${"x".repeat(MAX_RESUME_TOKEN_LENGTH + 1)}"}`],
        ["inherits", `{"__proto__":{"sid":"${SID}","token":"t"}}`],
      ] as const
    ).map(
      ([what, resume]) =>
        [`a resume that ${what}`, `{"id":1,"connect":{"resume":${resume}}}`, errors.badRequest] as const,
    ),
    ["a list of subs", '{"id":1,"connect":{"subs":["a"]}}', errors.badRequest],
    ["a sub that is no position", '{"id":1,"connect":{"subs":{"a":{"offset":1}}}}', errors.badRequest],
    ["a sub that is no channel", '{"id":1,"connect":{"subs":{"a":null,"b c":null}}}', errors.badChannel],
    [
      "a sub beyond a channel's length",
      `{"id":1,"connect":{"subs":{"${"x".repeat(256)}":null}}}`,
      errors.badChannel,
    ],
    ["an empty sub", '{"id":1,"connect":{"subs":{"":null}}}', errors.badChannel],
    ["no channel", '{"id":1,"subscribe":{}}', errors.badRequest],
    ["an inherited channel", '{"id":1,"subscribe":{"__proto__":{"channel":"a"}}}', errors.badRequest],
    ["a channel with a space", '{"id":1,"subscribe":{"channel":"a b"}}', errors.badChannel],
    ["a lone surrogate", '{"id":1,"subscribe":{"channel":"\\ud800"}}', errors.badChannel],
    ["a bad position", '{"id":1,"subscribe":{"channel":"a","since":null}}', errors.badRequest],
    ["a bad channel to leave", '{"id":1,"unsubscribe":{"channel":":"}}', errors.badChannel],
    ["a publication without data", '{"id":1,"publish":{"channel":"a"}}', errors.badRequest],
    ...(['""', "1", "null", `"${"x".repeat(MAX_KEY_LENGTH + 1)}"`] as const).map(
      (key) =>
        [
          `the key ${key.slice(0, 9)}`,
          `{"id":1,"publish":{"channel":"a","data":1,"key":${key}}}`,
          errors.badRequest,
        ] as const,
    ),
    ["a presence that is no flag", '{"id":1,"subscribe":{"channel":"a","presence":1}}', errors.badRequest],
    [
      "a joinLeave that is no flag",
      '{"id":1,"connect":{"subs":{"a":{"joinLeave":null}}}}',
      errors.badRequest,
    ],
    ["presence without a channel", '{"id":1,"presence":{}}', errors.badRequest],
    ["presence of a bad channel", '{"id":1,"presence":{"channel":"a b"}}', errors.badChannel],
    ["too large a page", '{"id":1,"presence":{"channel":"a","limit":1001}}', errors.badRequest],
    ["an empty cursor", '{"id":1,"presence":{"channel":"a","cursor":""}}', errors.badRequest],
    [
      "too long a cursor",
      `{"id":1,"presence":{"channel":"a","cursor":"${"x".repeat(MAX_CURSOR_LENGTH + 1)}"}}`,
      errors.badRequest,
    ],
    ["a message without data", '{"id":1,"send":{}}', errors.badRequest],
    ["history without a channel", '{"id":1,"history":{}}', errors.badRequest],
    ["history of a bad channel", '{"id":1,"history":{"channel":"a b"}}', errors.badChannel],
    ...(
      [
        ["since", "null"],
        ["since", '{"offset":-1,"epoch":"e"}'],
        ["since", '{"offset":1,"epoch":""}'],
        ["limit", "-1"],
        ["limit", "1.5"],
        ["limit", `${MAX_HISTORY_LIMIT + 1}`],
        ["limit", '"1"'],
        ["limit", "null"],
        ["reverse", "1"],
        ["reverse", "null"],
      ] as const
    ).map(
      ([field, value]) =>
        [
          `history with the ${field} ${value}`,
          `{"id":1,"history":{"channel":"a","${field}":${value}}}`,
          errors.badRequest,
        ] as const,
    ),
  ])("answers %s with its error and goes on", (_what, frame, { code, name }) => {
    expect(decodeCommands(`${frame}\n{}`)).toMatchObject([
      { kind: "invalid", id: 1, error: { code, name } },
      { kind: "ping" },
    ]);
  });

  it.each([
    ['{"id":1,"subscribe":{"channel":"a b"}}', /"a b" has a space \(character 2\): write - or _/],
    ['{"id":1,"subscribe":{"channel":"a\u200bb"}}', /cannot be printed, U\+200B \(character 2\)/],
    ['{"id":1,"connect":{"subs":{"ok":null,"room:":null}}}', /"room:" has nothing after the colon/],
    [`{"id":1,"subscribe":{"channel":"${"x".repeat(999)}"}}`, /^The channel's name "x{60}…" is longer than/],
    ['{"id":1,"subscribe":{"channels":["a"]}}', /`channel` must be a string/],
    ['{"id":1,"subscribe":"news"}', /`subscribe` must be an object/],
    ['{"id":1,"subscribe":{"channel":"a","since":7}}', /`since` must be a position/],
    ['{"id":1,"publish":{"channel":"a"}}', /`data` is missing/],
    ['{"id":1,"history":{"channel":"a","limit":5000}}', /`limit` must be a whole number from \d to \d+/],
    ['{"id":1,"sub":{"channel":"a"}}', /No command is called "sub"; there are connect, subscribe, /],
  ])("says what is wrong with %s", (frame, message) => {
    expect(decodeCommands(frame)).toMatchObject(
      [{ kind: "invalid", error: { message } }].map(({ kind, error }) => ({
        kind,
        error: { message: expect.stringMatching(error.message) },
      })),
    );
  });
});

describe("decodeCommands, at its limits", () => {
  const lines = (count: number) => Array.from({ length: count }, () => "{}").join("\n");

  it("takes 64 frames in one message and stops at the 65th", () => {
    expect(decodeCommands(lines(64))).toEqual(Array.from({ length: 64 }, () => ({ kind: "ping" })));
    const decoded = decodeCommands(lines(10_000));
    expect(decoded).toHaveLength(65);
    expect(decoded[64]).toEqual(malformed);
  });

  it("does not count blank lines as frames", () => {
    expect(decodeCommands(`${"\n\r\n".repeat(100)}${lines(64)}`)).toHaveLength(64);
  });

  it("bounds the work that blank lines make", () => {
    expect(decodeCommands(`{}${"\n".repeat(900)}`)).toEqual([{ kind: "ping" }]);
    expect(decodeCommands(`{}${"\n".repeat(30_000)}{}`).at(-1)).toMatchObject({ kind: "malformed" });
  });

  it("takes data that makes a frame 64 deep, and nothing deeper", () => {
    const frame = (depth: number) =>
      `{"id":1,"publish":{"channel":"a","data":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    expect(decodeOne(frame(MAX_DEPTH - 2))?.kind).toBe("command");
    expect(decodeOne(frame(MAX_DEPTH - 1))).toEqual(malformed);
  });

  it("does not take brackets in text for nesting", () => {
    const frame = JSON.stringify({ id: 1, publish: { channel: "a", data: '\\"['.repeat(1000) } });
    expect(decodeOne(frame)?.kind).toBe("command");
  });

  it("takes a resume token of 4096 characters, a key of 128, and history of 1000 or none", () => {
    const resume = { sid: SID, token: "x".repeat(MAX_RESUME_TOKEN_LENGTH) };
    const key = "x".repeat(MAX_KEY_LENGTH);
    for (const command of [
      { op: "connect", id: 1, body: { resume } },
      { op: "publish", id: 1, body: { channel: "a", data: null, key } },
      { op: "history", id: 1, body: { channel: "a", limit: MAX_HISTORY_LIMIT } },
      { op: "history", id: 1, body: { channel: "a", limit: 0, reverse: false } },
    ] as const) {
      const decoded = decodeOne(encodeCommand(command));
      expect(decoded?.kind === "command" && asSaid(decoded.command)).toEqual(command);
    }
  });

  it("takes nothing of a resume but its two fields", () => {
    const frame = `{"id":1,"connect":{"resume":{"sid":"${SID}","token":"t","user":"admin"}}}`;
    expect(decodeOne(frame)).toMatchObject({ command: { body: { resume: { sid: SID, token: "t" } } } });
    expect(JSON.stringify(decodeOne(frame))).not.toContain("admin");
  });

  it("takes a token of 8192 characters", () => {
    const body = { token: "x".repeat(MAX_TOKEN_LENGTH) };
    expect(decodeOne(encodeCommand({ op: "connect", id: 1, body }))?.kind).toBe("command");
  });
});
