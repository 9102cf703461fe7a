import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type DisconnectCode, disconnects, errors } from "./codes.js";
import { type DecodedFrame, decodeFrames } from "./decode-push.js";
import * as encode from "./encode.js";
import type { Json } from "./frame.js";
import { MAX_CLOSE_REASON_BYTES, MAX_DEPTH } from "./limits.js";

const anyText = fc
  .array(fc.nat(0xffff), { maxLength: 100 })
  .map((units) => units.map((unit) => String.fromCharCode(unit)).join(""));
const text = fc.oneof(anyText, fc.string({ unit: "binary" }), fc.constantFrom("\n", "\r\n", "\u2028", '"\\'));
const json = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<Json>;
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const ms = fc.nat();
const errorRow = fc.constantFrom(...Object.values(errors));
const disconnectRow: fc.Arbitrary<DisconnectCode> = fc.constantFrom(...Object.values(disconnects));
const offset = fc.nat(Number.MAX_SAFE_INTEGER);
const epoch = fc.string({ unit: "binary", minLength: 1, maxLength: 64 });
const reason = fc.constantFrom(
  "expired" as const,
  "epoch" as const,
  "too_many" as const,
  "unverifiable" as const,
);
/** As the server has them: the data is text, here with spaces that only survive if no code parses it. */
const publications = fc.array(fc.record({ offset, data: json.map((data) => ` ${encode.jsonText(data)} `) }), {
  maxLength: 5,
});
const subscribeResult: fc.Arbitrary<encode.EncodableResults["subscribe"]> = fc.record(
  { offset, epoch, recovered: fc.boolean(), reason, publications },
  { requiredKeys: [] },
);
const historyResult = fc.record({ offset, epoch, publications });
const outcome = fc.oneof(subscribeResult, fc.record({ error: errorRow }));
const connectResult: fc.Arbitrary<encode.EncodableResults["connect"]> = fc.record(
  {
    sid: text,
    resumeToken: text,
    resumed: fc.boolean(),
    user: text,
    expiresAt: ms,
    ping: ms,
    pongTimeout: ms,
    serverTime: ms,
    limits: fc.record({ maxPayload: ms, maxChannels: ms, commandRate: ms }),
    subs: fc.dictionary(text, outcome),
  },
  { requiredKeys: ["sid", "resumed", "ping", "pongTimeout", "serverTime", "limits"] },
);

/** A result as the client reads it: the text of publications has become data. */
function asRead(result: object): object {
  const { publications, subs, ...rest } = result as {
    readonly publications?: readonly encode.PublicationData[];
    readonly subs?: Readonly<Record<string, object>>;
  };
  return {
    ...rest,
    ...(publications && {
      publications: publications.map(({ offset, data }) => ({ offset, data: JSON.parse(String(data)) })),
    }),
    ...(subs && {
      subs: Object.fromEntries(Object.entries(subs).map(([channel, each]) => [channel, asRead(each)])),
    }),
  };
}
const sessionId = fc.stringMatching(/^[A-Za-z0-9_-]{20}$/);

/** Compared as JSON, which has no -0 and no undefined. */
function expectFrame(frame: string, expected: DecodedFrame): void {
  expect(frame).not.toMatch(/[\r\n]/);
  expect(JSON.stringify(decodeFrames(frame))).toBe(JSON.stringify([expected]));
}

const push = (op: string, body: unknown) => ({ kind: "push", op, body }) as DecodedFrame;

describe("what the server writes, as the client reads it", () => {
  it("is the reply to each command", () => {
    fc.assert(
      fc.property(
        id,
        connectResult,
        subscribeResult,
        historyResult,
        fc.option(fc.record({ offset, epoch }), { nil: {} }),
        (id, welcome, subscribed, history, position) => {
          const expectReply = <Op extends keyof encode.EncodableResults>(
            op: Op,
            body: encode.EncodableResults[Op],
          ): void => {
            const expected = { kind: "reply", id, op, body: asRead(body) } as DecodedFrame;
            expectFrame(encode.encodeReply(id, op, body), expected);
          };
          expectReply("connect", welcome);
          expectReply("subscribe", subscribed);
          expectReply("unsubscribe", {});
          expectReply("publish", position);
          expectReply("history", history);
          expectReply("refresh", { expiresAt: welcome.ping, resumeToken: "t" });
        },
      ),
    );
  });

  it("keeps the data of missed publications to the letter, alone and in a connect reply", () => {
    const publications = [
      { offset: 1, data: "12345678901234567890" },
      { offset: 2, data: '{"a":1,"a":2}' },
    ];
    const list = '[{"offset":1,"data":12345678901234567890},{"offset":2,"data":{"a":1,"a":2}}]';
    const result = { offset: 2, epoch: "e", recovered: true, publications };
    expect(encode.encodeReply(7, "subscribe", result)).toBe(
      `{"id":7,"subscribe":{"offset":2,"epoch":"e","recovered":true,"publications":${list}}}`,
    );
    expect(encode.encodeReply(7, "subscribe", { publications: [] })).toBe(
      '{"id":7,"subscribe":{"publications":[]}}',
    );
    const limits = { maxPayload: 1, maxChannels: 1, commandRate: 1 };
    const subs = { "a\n": result, b: {}, c: { error: errors.forbidden } };
    const welcome = { sid: "s", resumed: false, ping: 1, pongTimeout: 1, serverTime: 1, limits, subs };
    expect(encode.encodeReply(1, "connect", welcome)).toContain(
      `,"subs":{"a\\n":{"offset":2,"epoch":"e","recovered":true,"publications":${list}},"b":{},"c":{"error":`,
    );
  });

  it("is the error", () => {
    fc.assert(
      fc.property(id, errorRow, (id, error) =>
        expectFrame(encode.encodeError(id, error), { kind: "error", id, error }),
      ),
    );
  });

  it("is each push, whatever the channel, the reason and the data", () => {
    fc.assert(
      fc.property(text, json, id, (text, data, number) => {
        const dataText = encode.jsonText(data);
        expectFrame(encode.encodePublication(text, dataText), push("publication", { channel: text, data }));
        expectFrame(
          encode.encodePublication(text, dataText, number),
          push("publication", { channel: text, offset: number, data }),
        );
        expectFrame(
          encode.encodePublication(text, dataText, number, text),
          push("publication", { channel: text, offset: number, epoch: text, data }),
        );
        expectFrame(encode.encodeMessage(dataText), push("message", { data }));
        expectFrame(encode.encodeBroadcast(dataText), push("broadcast", { data }));
        const unsubscribed = { channel: text, code: number };
        expectFrame(encode.encodeUnsubscribed(text, number), push("unsubscribed", unsubscribed));
        const drain = { reconnectAfter: number, deadline: number, reason: text };
        expectFrame(encode.encodeDrain(drain), push("drain", drain));
      }),
    );
  });

  it("is the gap, with what is known of it", () => {
    const notice = fc.record(
      {
        channel: text,
        from: offset,
        to: offset,
        epoch,
        reason: fc.oneof(reason, fc.constant("slow" as const)),
      },
      { requiredKeys: ["channel", "reason"] },
    );
    fc.assert(fc.property(notice, (notice) => expectFrame(encode.encodeGap(notice), push("gap", notice))));
  });

  it("is the welcome of a connection by URL", () => {
    fc.assert(
      fc.property(sessionId, connectResult, (sid, welcome) => {
        const { sid: _sid, serverTime, user, expiresAt, subs = {}, ...announcement } = welcome;
        const who = { ...(user !== undefined && { user }), ...(expiresAt !== undefined && { expiresAt }) };
        const frame = encode.welcomeEncoder(announcement)(sid, serverTime, Object.entries(subs), who);
        expectFrame(frame, push("connect", asRead({ sid, serverTime, ...who, ...announcement, subs })));
      }),
    );
  });

  it("is the disconnect notice of a row", () => {
    fc.assert(
      fc.property(
        disconnectRow,
        fc.option(text, { nil: undefined }),
        fc.option(ms, { nil: undefined }),
        (row, detail, retryAfter) => {
          const notice = encode.disconnectNotice(row, detail, retryAfter);
          expect(notice.reason).toBe(detail ?? row.message);
          expect(notice.reconnect).toBe(row.code < 3500);
          expect("retryAfter" in notice).toBe(retryAfter !== undefined);
          expectFrame(encode.encodeDisconnect(notice), push("disconnect", notice));
        },
      ),
    );
  });

  it("is a ping", () => {
    expectFrame(encode.PING, { kind: "ping" });
  });

  it("keeps a close reason within a close frame and in ASCII", () => {
    const long = { ...disconnects.slow, name: "x".repeat(200) };
    for (const row of [...Object.values(disconnects), long]) {
      expect(encode.closeReason(row)).toMatch(/^[a-z_]+$/);
      expect(Buffer.byteLength(encode.closeReason(row))).toBeLessThanOrEqual(MAX_CLOSE_REASON_BYTES);
    }
  });
});

describe("normalizeData", () => {
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };

  it("makes one line of JSON of any text: the same JSON, or the text", () => {
    const pretty = fc
      .tuple(json, fc.constantFrom("\t", "  ", 4), fc.constantFrom("\n", "\r\n", "\r"))
      .map(([value, indent, lineBreak]) => JSON.stringify(value, null, indent).replaceAll("\n", lineBreak));
    fc.assert(
      fc.property(fc.oneof(text, pretty, fc.json()), (given) => {
        const line = encode.normalizeData(given);
        expect(line).not.toMatch(/[\r\n]/);
        expect(JSON.parse(line)).toEqual(parses(given) ? JSON.parse(given) : given);
      }),
      { numRuns: 1000 },
    );
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.json()), (given) => {
        const once = encode.normalizeData(given);
        expect(encode.normalizeData(once)).toBe(once);
      }),
    );
  });

  it.each([
    ["plain text", "hello", '"hello"'],
    ["nothing", "", '""'],
    ["text that looks like JSON", "{a:1}", '"{a:1}"'],
    ["a byte order mark", "\ufeff1", '"\ufeff1"'],
    ["white space that is not JSON's", "\u2028[1]", '"\u2028[1]"'],
    ["compact JSON", '{"a":[1, 2]}', '{"a":[1, 2]}'],
    ["JSON across lines", '{\r\n  "a": [\n\t1,\n\n\t2\n  ]\r\n}\n', '{"a": [1,2]}'],
    ["a line break in a string, escaped", '{"a":\n"x\\n y"}', '{"a":"x\\n y"}'],
    [
      "numbers that a double cannot hold",
      "[12345678901234567890,\n1e400,\n-0]",
      "[12345678901234567890,1e400,-0]",
    ],
    ["repeated and numeric keys", '{"b":1,\n"2":2,"1":3,"b":4}', '{"b":1,"2":2,"1":3,"b":4}'],
    ["an escaped lone surrogate", '"\\ud800"', '"\\ud800"'],
    ["a lone surrogate outside JSON", "\ud800", '"\\ud800"'],
    ["a separator inside a string", '"\u2028"', '"\u2028"'],
  ])("keeps the letter of %s", (_what, given, expected) => {
    expect(encode.normalizeData(given)).toBe(expected);
  });

  it("takes JSON that is too deep for a frame as text, in lines or not", () => {
    const nest = (depth: number, gap = "") => "[".repeat(depth) + gap + "]".repeat(depth);
    const deepest = nest(MAX_DEPTH - 2);
    expect(encode.normalizeData(deepest)).toBe(deepest);
    for (const deeper of [
      nest(MAX_DEPTH - 1),
      nest(MAX_DEPTH - 1, "\n"),
      nest(100_000),
      nest(100_000, "\n"),
    ]) {
      expect(JSON.parse(encode.normalizeData(deeper))).toBe(deeper);
    }
  });
});
