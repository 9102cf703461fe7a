/**
 * The contracts of the two seams of a codec as test suites: what frame-encoding.ts and codec.ts say in words.
 */
import {
  type DecodedCommand,
  errors,
  type FrameEncoding,
  type FrameValue,
  fromBase64,
  JsonText,
  type ReceivedCommand,
  type SentPush,
  type WireMessage,
} from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Dialect } from "../codec/codec.js";
import { broadcastPush, gapPush, messagePush, publicationPush } from "../delivery/push.js";

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.json());
const anyMessage: fc.Arbitrary<WireMessage> = fc.oneof(anyText, fc.uint8Array({ maxLength: 200 }));
/** Published data as its publisher wrote it, one line. */
const anyDataText = fc.json({ maxDepth: 3 });
const name = fc.stringMatching(/^[a-z][A-Za-z]{0,9}$/);
const anyPlain = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<FrameValue>;

/** What an encoding cannot keep. */
export interface EncodingLimits {
  /** Data is the same value, not the same text; and no member of it may be called `__proto__`. */
  readonly changesText?: boolean;
}

/** Suites of an encoding. */
export function encodingContract(encoding: FrameEncoding, limits: EncodingLimits = {}): void {
  describe(`the encoding ${encoding.name} keeps its contract`, () => {
    readsWhatItWrote(encoding, limits);
    keepsNoState(encoding);
    takesAnyMessage(encoding);
  });
}

/** A frame comes back as it was, alone and among others. */
function readsWhatItWrote(encoding: FrameEncoding, { changesText = false }: EncodingLimits): void {
  const isFit = (text: string): boolean => !changesText || !text.includes("__proto__");
  const dataText = anyDataText.filter(isFit);
  const plain = anyPlain.filter((value) => isFit(JSON.stringify(value)));
  const same = (text: string | undefined): unknown =>
    changesText && text !== undefined ? JSON.parse(text) : text;

  test("bytes come back as they were, or as their base64 where there are none", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const [frame] = framesOf(encoding, encoding.encode({ bytes }));
        const read = (frame?.value as { readonly bytes: unknown } | undefined)?.bytes;
        expect(typeof read === "string" ? fromBase64(read) : read).toEqual(bytes);
      }),
    );
  });

  test("a frame that was encoded is decoded as the same, with its data to the letter", () => {
    fc.assert(
      fc.property(name, name, plain, dataText, (op, member, value, text) => {
        const frame = { id: 7, [op]: { [member]: value, list: [1, new JsonText(text)] }, none: undefined };
        const message = encoding.encode(frame);
        expect(typeof message !== "string").toBe(encoding.isBinary);
        const [read, ...more] = framesOf(encoding, message);
        const list = member === "list" ? {} : { [member]: value };
        const expected: unknown = JSON.parse(JSON.stringify({ id: 7, [op]: { ...list, list: [1, null] } }));
        // What `value` has where data is may have lost something: data is asked for.
        expect(withNull(read?.value, op)).toEqual(expected);
        expect(more).toEqual([]);
        expect(same(read?.data(op, "list", 1)?.text)).toEqual(same(text));
        expect(read?.data(op, "list", 2)).toBeUndefined();
        expect(read?.data("nowhere", "at", "all")).toBeUndefined();
      }),
    );
  });

  test("a leaf of data alone can be a frame", () => {
    fc.assert(
      fc.property(dataText, (text) => {
        const [frame] = framesOf(encoding, encoding.encode(new JsonText(text)));
        expect(same(frame?.data()?.text)).toEqual(same(text));
      }),
    );
  });

  test("several frames in one message are found again, in order", () => {
    fc.assert(
      fc.property(fc.array(plain, { minLength: 1, maxLength: 20 }), (values) => {
        const frames = values.map((value, at) => ({ at, value }));
        const message = encoding.join(frames.map((frame) => encoding.encode(frame)));
        expect(framesOf(encoding, message).map(({ value }) => value)).toEqual(
          JSON.parse(JSON.stringify(frames)),
        );
      }),
    );
  });
}

/** What was said before changes no message. */
function keepsNoState(encoding: FrameEncoding): void {
  test("the same frame gives the same message: it keeps no state", () => {
    fc.assert(
      fc.property(anyPlain, anyPlain, (value, other) => {
        const before = encoding.encode({ value });
        encoding.decode(encoding.encode({ other }));
        expect(encoding.encode({ value })).toEqual(before);
      }),
    );
  });
}

/** What cannot be read is malformed, and never an exception. */
function takesAnyMessage(encoding: FrameEncoding): void {
  test("any message is taken, and nothing is decoded behind what is malformed", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const parts = encoding.decode(message);
        expect(parts.length).toBeGreaterThan(0);
        const malformed = parts.findIndex(({ kind }) => kind === "malformed");
        expect([-1, parts.length - 1]).toContain(malformed);
      }),
    );
  });

  test("a message of the other kind is malformed", () => {
    const other = encoding.isBinary ? "{}" : Buffer.from("{}");
    expect(encoding.decode(other)).toMatchObject([{ kind: "malformed" }]);
  });
}

/** The frames of a message; fails at a part that is none. */
function framesOf(encoding: FrameEncoding, message: WireMessage) {
  return encoding.decode(message).map((part) => {
    if (part.kind === "malformed") throw new Error(part.problem);
    return part.frame;
  });
}

/** The value with null where its data is. */
function withNull(value: unknown, op: string): unknown {
  const { list, ...body } = (value as Readonly<Record<string, { readonly list: readonly unknown[] }>>)[
    op
  ] ?? {
    list: [],
  };
  return { ...(value as object), [op]: { ...body, list: [list[0], null] } };
}

/** One push of each kind. */
const PUSHES: readonly SentPush[] = [
  publicationPush("news", "1"),
  publicationPush("news", '{"a":[1.10]}', 7, "x"),
  publicationPush("news", new Uint8Array([0, 255]), 8),
  messagePush("2"),
  broadcastPush("3"),
  gapPush({ channel: "news", reason: "slow" }),
  { op: "subscribed", body: { channel: "news" } },
  { op: "unsubscribed", body: { channel: "news", code: 3503 } },
  { op: "join", body: { channel: "news", member: new JsonText('{"session":"s"}'), version: 1 } },
  { op: "leave", body: { channel: "news", member: new JsonText('{"session":"s"}'), version: 2 } },
  { op: "presence", body: { channel: "news", version: 3, users: 1, sessions: 1 } },
  { op: "refresh", body: { deadline: 1_000 } },
  { op: "drain", body: { reconnectAfter: 1, deadline: 2, reason: "deploy" } },
  { op: "disconnect", body: { code: 3000, reason: "gone", reconnect: true } },
];

/** What a client of a dialect says, and what core is to understand. */
export interface Spoken {
  readonly frame: FrameValue;
  readonly command: ReceivedCommand;
}

/** Suites of a dialect, in an encoding that keeps its own contract. `spoken`: one of each of its verbs. */
export function dialectContract(dialect: Dialect, encoding: FrameEncoding, spoken: readonly Spoken[]): void {
  const read = (frame: FrameValue): DecodedCommand => {
    const [part] = encoding.decode(encoding.encode(frame));
    if (part?.kind !== "frame") throw new Error("the encoding does not read what it wrote");
    return dialect.read(part.frame);
  };

  describe(`the dialect ${dialect.name} keeps its contract`, () => {
    test("every push has a frame that can be encoded, or none; data has one", () => {
      for (const push of PUSHES) {
        const frame = dialect.push(push);
        if (push.op === "publication") expect(frame).toBeDefined();
        if (frame !== undefined) expect(encoding.encode(frame).length).toBeGreaterThan(0);
        expect(dialect.push(push)).toEqual(frame);
      }
    });

    test("data is passed on to the letter", () => {
      fc.assert(
        fc.property(anyDataText, (text) => {
          const frame = dialect.push(publicationPush("news", text));
          expect(leavesOf(frame)).toEqual([text]);
        }),
      );
    });

    test("each of its verbs is read as a command", () => {
      for (const { frame, command } of spoken) expect(read(frame)).toEqual({ kind: "command", command });
      expect(spoken.length > 0).toBe(!dialect.isDataOnly);
    });

    test("answers and errors can be encoded; one that passes on data alone has none", () => {
      for (const { command } of spoken) {
        const answers = [dialect.reply(command, {}), dialect.error(command.id, errors.forbidden)];
        for (const frame of answers) if (frame !== undefined) encoding.encode(frame);
      }
      if (dialect.isDataOnly)
        expect([dialect.error(1, errors.internal), dialect.ping]).toEqual([undefined, undefined]);
    });

    test("its ping is read as a ping", () => {
      if (dialect.ping !== undefined) expect(read(dialect.ping)).toEqual({ kind: "ping" });
    });

    test("any frame is read without an exception", () => {
      fc.assert(
        fc.property(
          anyPlain.filter((value) => !JSON.stringify(value).includes("__proto__")),
          (frame) => {
            expect(["ping", "command", "invalid", "malformed"]).toContain(read(frame).kind);
          },
        ),
      );
    });
  });
}

/** The texts of all data in a frame. */
function leavesOf(value: FrameValue | undefined): readonly string[] {
  if (value instanceof JsonText) return [value.text];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}
