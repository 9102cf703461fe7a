import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isUpgrade, type PlainHead, readPlainHead, readPlainPost } from "./plain-head.js";

function readWebSocketHead(text: string): PlainHead | undefined {
  const head = readPlainHead(text);
  return head !== undefined && isUpgrade(head) ? head : undefined;
}

const PLAIN = [
  "Host: example.org",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

function head(lines: readonly string[], target = "/ws?channels=news"): string {
  return `GET ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** What Node's own parser makes of the same bytes. */
async function parsedByNode(text: string): Promise<{ head: IncomingMessage; first: Buffer } | undefined> {
  const server = createServer();
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const upgrade = once(server, "upgrade");
  const failed = Promise.race([once(server, "clientError"), once(server, "request")]).then(() => undefined);
  server.emit("connection", socket);
  socket.push(Buffer.from(text, "latin1"));
  const found = await Promise.race([upgrade, failed]);
  return found && { head: found[0] as IncomingMessage, first: found[2] as Buffer };
}

describe("reading a WebSocket request's head", () => {
  it("finds target, headers and the end", () => {
    const text = head(PLAIN);
    expect(readWebSocketHead(`${text}\x81\x80`)).toMatchObject({
      method: "GET",
      url: "/ws?channels=news",
      headers: { host: "example.org", upgrade: "websocket", "sec-websocket-version": "13" },
      end: text.length,
    });
  });

  it.each([
    ["a plain request", head(["Host: a"])],
    ["no host", head(PLAIN.slice(1))],
    ["a body", head([...PLAIN, "Content-Length: 0"])],
    ["a chunked body", head([...PLAIN, "Transfer-Encoding: chunked"])],
    ["an expectation", head([...PLAIN, "Expect: 100-continue"])],
    ["a repeated key", head([...PLAIN, "Sec-WebSocket-Key: x"])],
    ["a folded line", head([...PLAIN, "X: a", " b"])],
    ["a space before the colon", head([...PLAIN, "X : a"])],
    ["a control character", head([...PLAIN, "X: a\x00b"])],
    ["a bare line feed", head([...PLAIN, "X: a\nY: b"])],
    ["another method", head(PLAIN).replace("GET", "POST")],
    ["HTTP/1.0", head(PLAIN).replace("HTTP/1.1", "HTTP/1.0")],
    ["an absolute target", head(PLAIN, "http://a/ws")],
    ["a space in the target", head(PLAIN, "/ws x")],
    ["another protocol", head(["Host: a", "Upgrade: h2c", "Connection: Upgrade"])],
    ["Connection without upgrade", head(["Host: a", "Upgrade: websocket", "Connection: x-upgrade"])],
    ["no end", head(PLAIN).slice(0, -2)],
    ["nothing", ""],
  ])("leaves %s to the HTTP server", (_what, text) => {
    expect(readWebSocketHead(text)).toBeUndefined();
  });

  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
  const value = fc.stringMatching(/^[\x20-\x7e\x80-\xff\t]{0,30}$/);
  const line = fc.oneof(
    fc.tuple(token, value).map(([name, text]) => `X-${name}: ${text}`),
    fc.constantFrom(
      "Cookie: a=1",
      "cookie: b=2",
      "X-Forwarded-For: 1.2.3.4",
      "Via: 1.1 a",
      "Origin: http://a",
    ),
    fc.string().map((text) => text.replaceAll(/[\r\n]/g, "")),
  );

  it("reads nothing of what stands behind the head, whatever it looks like", () => {
    const fake = fc.constantFrom(
      "Origin: http://evil.example",
      "Authorization: Bearer stolen",
      "Cookie: id=other",
      "X-Forwarded-For: 198.51.100.9",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "GET /ws?sid=AAAA0123456789abcdef&token=other HTTP/1.1",
      "",
    );
    fc.assert(
      fc.property(fc.array(fake), (lines) => {
        const text = head([...PLAIN, "Origin: http://example.org"]);
        expect(readPlainHead(`${text}${lines.join("\r\n")}\r\n\r\n`)).toEqual(readPlainHead(text));
      }),
    );
  });

  it("takes nothing that Node's parser would read differently", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.string(), async (lines, behind) => {
        const latin = (text: string): string => Buffer.from(text, "latin1").toString("latin1");
        const text = latin(head([...PLAIN, ...lines]) + behind);
        const ours = readWebSocketHead(text);
        if (ours === undefined) return;
        const node = await parsedByNode(text);
        expect(node?.head.method).toBe(ours.method);
        expect(node?.head.url).toBe(ours.url);
        expect({ ...ours.headers }).toEqual({ ...node?.head.headers });
        expect(node?.first.toString("latin1")).toBe(text.slice(ours.end));
      }),
      { numRuns: 300 },
    );
  });

  it("takes what common clients and proxies send", () => {
    const lines = [
      ...PLAIN,
      "Origin: http://a",
      "Cookie: a=b",
      "X-Forwarded-For: 1.1.1.1",
      "X-Forwarded-For: 2.2.2.2",
    ];
    expect(readWebSocketHead(head(lines))?.headers["x-forwarded-for"]).toBe("1.1.1.1, 2.2.2.2");
    expect(
      readWebSocketHead(head([...PLAIN.slice(0, 2), "Connection: keep-alive, Upgrade", ...PLAIN.slice(3)])),
    ).toBeDefined();
  });
});

describe("reading a POST's head", () => {
  const post = (lines: readonly string[]): string => head(lines, "/poll?sid=a").replace("GET", "POST");
  const GOOD = ["Host: a", "Connection: Keep-Alive", "Content-Length: 12"];

  it("finds target, headers, the end and how long its body is", () => {
    const text = post([...GOOD, "Cookie: a=1", "Cookie: b=2"]);
    expect(readPlainPost(`${text}{"a":"b"}`)).toMatchObject({
      method: "POST",
      url: "/poll?sid=a",
      headers: { host: "a", "content-length": "12", cookie: "a=1; b=2" },
      end: text.length,
      bodyBytes: 12,
    });
  });

  it.each([
    ["a GET", head(GOOD)],
    ["no length", post(GOOD.slice(0, 2))],
    ["an empty length", post(["Host: a", "Content-Length:"])],
    ["two lengths", post([...GOOD, "Content-Length: 12"])],
    ["a list of lengths", post(["Host: a", "Content-Length: 12, 12"])],
    ["a tab behind the length", post(["Host: a", "Content-Length: 12\t"])],
    ["a length with a sign", post(["Host: a", "Content-Length: +12"])],
    ["a hexadecimal length", post(["Host: a", "Content-Length: 0x12"])],
    ["a long length", post(["Host: a", "Content-Length: 1234567890"])],
    ["a chunked body", post([...GOOD, "Transfer-Encoding: chunked"])],
    ["an expectation", post([...GOOD, "Expect: 100-continue"])],
    ["an offer", post([...GOOD, "Upgrade: h2c"])],
    ["the end of the connection", post(["Host: a", "Connection: close", "Content-Length: 2"])],
    ["a list of connection options", post(["Host: a", "Connection: keep-alive, x", "Content-Length: 2"])],
    ["the old name of connection", post([...GOOD, "Proxy-Connection: close"])],
    ["no host", post(GOOD.slice(1))],
    ["a folded line", post([...GOOD, "X: a", " b"])],
    ["HTTP/1.0", post(GOOD).replace("HTTP/1.1", "HTTP/1.0")],
    ["no end", post(GOOD).slice(0, -2)],
  ])("leaves %s to the HTTP server", (_what, text) => {
    expect(readPlainPost(text)).toBeUndefined();
  });
});
