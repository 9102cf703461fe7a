import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { headEnd, mayBeHttp, readRequestLine, sessionIdOf } from "./request-head.js";

const SID = "AAAB0123456789abcdef";

describe("the end of a head", () => {
  it.each([
    ["nothing", "", -1],
    ["no empty line", "GET / HTTP/1.1\r\nHost: x\r\n", -1],
    ["a line that only begins to be empty", "GET / HTTP/1.1\r\n\r", -1],
    ["bare newlines", "GET / HTTP/1.1\n\n", -1],
    ["an empty line", "GET / HTTP/1.1\r\n\r\n", 18],
    ["bytes behind it", "GET / HTTP/1.1\r\n\r\n\r\n\r\nframes", 18],
  ])("%s", (_what, text, end) => {
    expect(headEnd(text)).toBe(end);
  });

  it("is found however the head is cut, wherever the search left off", () => {
    const bytes = "GET /ws?sid=x HTTP/1.1\r\nA: \r\r\n\r\nbehind\r\n\r\n";
    const end = headEnd(bytes);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length })), (cuts) => {
        const ends = [...cuts, bytes.length].sort((a, b) => a - b);
        let searched = 0;
        for (const length of ends) {
          const found = headEnd(bytes.slice(0, length), searched);
          if (length >= end) {
            expect(found).toBe(end);
            return;
          }
          expect(found).toBe(-1);
          searched = length;
        }
      }),
    );
  });
});

describe("what may be HTTP", () => {
  it.each([
    ["nothing yet", "", true],
    ["a method", "G", true],
    ["a TLS hello", "\x16\x03\x01", false],
    ["a lower-case word", "get / HTTP/1.1", false],
    ["an empty line, which is skipped before", "\r\nGET / HTTP/1.1", false],
    ["zero bytes", "\0\0", false],
  ])("%s", (_what, text, may) => {
    expect(mayBeHttp(text)).toBe(may);
  });
});

describe("the target of a request", () => {
  it.each([
    ["a path", "GET /ws HTTP/1.1\r\n\r\n", "/ws"],
    ["a query", "GET /ws?a=b&c HTTP/1.1\r\nHost: x\r\n\r\n", "/ws?a=b&c"],
    ["an absolute target", "GET http://a/ws?sid=1 HTTP/1.0\r\n\r\n", "/ws?sid=1"],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\n\r\n", "*"],
    ["bytes beyond ASCII", "GET /\xff HTTP/1.1\r\n\r\n", "/\xff"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\n", "*"],
    ["a target that is none, as it came", "GET /a#b HTTP/1.1\r\n\r\n", "/a#b"],
    ["HTTP/0.9", "GET /\r\n\r\n", undefined],
    ["two targets", "GET /a /b HTTP/1.1\r\n\r\n", undefined],
    ["two spaces", "GET  / HTTP/1.1\r\n\r\n", undefined],
    ["no line", "\r\n\r\n", undefined],
  ])("%s", (_what, head, target) => {
    expect(readRequestLine(head)?.target).toBe(target);
  });

  it("never throws, and has no white space", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, request) => {
        const head = Buffer.concat([
          Buffer.from(request ? "GET /" : ""),
          bytes,
          Buffer.from(" HTTP/1.1\r\n\r\n"),
        ]);
        expect(readRequestLine(head.toString("latin1"))?.target ?? "").not.toMatch(/[ \r\n]/);
      }),
    );
  });
});

describe("the target of a request with more behind its head", () => {
  it("is that of its own request line", () => {
    const body = "\r\nGET /poll?sid=AAAA0123456789abcdef HTTP/1.1\r\nHost: x\r\n\r\n";
    const target = readRequestLine(`POST /send HTTP/1.1\r\nHost: x\r\n\r\n${body}`)?.target ?? "";
    expect(target).toBe("/send");
    expect(sessionIdOf(target)).toBeUndefined();
  });
});

describe("the session that a target names", () => {
  it.each([
    ["the only parameter", `/ws?sid=${SID}`, SID],
    ["the last of several", `/ws?channels=a&sid=${SID}`, SID],
    ["the first of several", `/ws?sid=${SID}&channels=a`, SID],
    ["an absolute target", `http://host/ws?sid=${SID}`, SID],
    ["a fragment behind it", `/ws?sid=${SID}#x`, SID],
    ["empty", "/ws?sid=", ""],
    ["longer than an id, as it came", `/ws?sid=${SID}x`, `${SID}x`],
    ["percent-encoded, as it came", "/ws?sid=%41AAB", "%41AAB"],
    ["repeated: the last, as in the worker", `/ws?sid=first&sid=${SID}`, SID],
    ["a longer name", `/ws?xsid=${SID}`, undefined],
    ["another case", `/ws?SID=${SID}`, undefined],
    ["a percent-encoded name", `/ws?%73id=${SID}`, undefined],
    ["without a value", "/ws?sid", undefined],
    ["in the path", `/sid=${SID}`, undefined],
    ["behind a semicolon", `/ws;sid=${SID}`, undefined],
    ["in a fragment", `/ws#?sid=${SID}`, undefined],
    ["in a query's fragment", `/ws?a=b#&sid=${SID}`, undefined],
    ["inside another value", `/ws?next=/a?sid=${SID}`, undefined],
    ["no query", "/ws", undefined],
  ])("%s", (_what, target, sid) => {
    expect(sessionIdOf(target)).toBe(sid);
  });

  it("is looked for in linear time", () => {
    const hostile = `/ws?${"?sid".repeat(20_000)}${"&".repeat(20_000)}`;
    const before = performance.now();
    expect(sessionIdOf(hostile)).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});
