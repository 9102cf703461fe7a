/**
 * One decision, whichever road a request takes: past Node's parser or through it.
 *
 * Requests are generated from pieces that parsers like to read differently: tabs, empty elements, repeated
 * headers, empty lines, other versions, other forms of target.
 */
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { afterAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { clientAddress, TrustedProxies } from "../admission/client-address.js";
import type { RequestHead } from "../http/incoming-head.js";
import { originCheck } from "../http/origin.js";
import { INTERNAL_PARSER } from "../http/parser-control.js";
import { isUpgrade, readPlainHead, readPlainPost } from "../http/plain-head.js";
import { asKnownVersion, emptyLines, isProbe, readRequestLine, sessionIdOf } from "../http/request-head.js";
import { asksForWebSocket, settleRequest } from "../http/request-rules.js";
import { cometPath, decideComet } from "./comet/decision.js";
import { PlainHttp } from "./http/plain-http.js";
import { decideUpgrade } from "./http/upgrade.js";
import { parseUpgradeQuery } from "./http/upgrade-query.js";

const policy = { mayComeFrom: originCheck(["https://shop.example"]), maxChannels: 10, tokenInUrl: false };
const plain = new PlainHttp({});
const proxies = new TrustedProxies(["10.0.0.0/8"]);

/** What becomes of a request that has no problem. */
function decide(head: RequestHead, isForWebSocket: boolean): unknown {
  if (isForWebSocket) return decideUpgrade(head, policy);
  const path = cometPath(head);
  return path === undefined ? plain.answer(head, "ok") : decideComet(head, path, policy);
}

interface Seen {
  /** As Node's parser and its events have it. */
  readonly request: IncomingMessage;
  readonly isForWebSocket: boolean;
}

const server = createServer({ requireHostHeader: false });
server.maxHeadersCount = 0;
server.on("connection", (socket) => INTERNAL_PARSER.watchOffers(socket));
const parsed = new Map<unknown, (seen: Seen | undefined) => void>();
const settle = (socket: unknown, seen: Seen | undefined): void => {
  parsed.get(socket)?.(seen);
  parsed.delete(socket);
};
for (const event of ["request", "checkContinue", "checkExpectation"])
  server.on(event, (request: IncomingMessage) => settle(request.socket, { request, isForWebSocket: false }));
server.on("upgrade", (request, socket) =>
  settle(socket, { request, isForWebSocket: asksForWebSocket(request.headers, request.httpVersionMinor) }),
);
server.on("connect", (request, socket) => settle(socket, { request, isForWebSocket: false }));
server.on("clientError", (_error, socket) => settle(socket, undefined));
afterAll(() => void server.close());

/** Undefined: Node's parser cannot read it. */
function readByNode(text: string): Promise<Seen | undefined> {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  return new Promise((resolve) => {
    parsed.set(socket, resolve);
    server.emit("connection", socket);
    socket.push(Buffer.from(text, "latin1"));
  });
}

/** The decision on Node's road. */
async function decideByNode(text: string): Promise<unknown> {
  const seen = await readByNode(text);
  if (seen === undefined) return "unreadable";
  const problem = settleRequest(seen.request);
  return problem ?? decide(seen.request, seen.isForWebSocket);
}

const space = fc.constantFrom("", " ", "\t", " \t", "  ");
const list = (...elements: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(space, fc.constantFrom(...elements, "", ""), space), { minLength: 1, maxLength: 3 })
    .map((all) => all.map(([before, element, after]) => `${before}${element}${after}`).join(","));
const field = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, value, space).map(([before, text, after]) => `${name}:${before}${text}${after}`);
const header = fc.oneof(
  field("Upgrade", list("websocket", "h2c", "WebSocket", "websocket/13", "TLS/1.0")),
  field("Connection", list("Upgrade", "keep-alive", "close", "upgrade", "x-upgrade", "HTTP2-Settings")),
  field("Host", fc.constantFrom("gateway.example", "a b", "", "[::1]:80", "a,b", "x@y", "h:port", "\xe4")),
  field("Sec-WebSocket-Version", fc.constantFrom("13", "8", "13, 8")),
  field("Sec-WebSocket-Key", fc.constantFrom("dGhlIHNhbXBsZSBub25jZQ==", "short")),
  field("Sec-WebSocket-Protocol", list("holdfast.v1.json", "other")),
  field("Origin", fc.constantFrom("https://shop.example", "https://evil.example", "null")),
  field("Content-Length", fc.constantFrom("0", "3", "0, 0", "+1")),
  field("Transfer-Encoding", fc.constantFrom("chunked", "gzip, chunked")),
  field("Expect", list("100-continue", "tea")),
  field("X-Forwarded-For", list("192.0.2.7", "10.1.1.1", "unknown")),
  field("Authorization", fc.constantFrom("Bearer a.b.c", "Basic x")),
  field("Last-Event-ID", fc.constantFrom(";;;tea=1:k", "no")),
  field("Sec-Fetch-Site", fc.constantFrom("same-origin", "cross-site")),
  field("Accept-Encoding", list("gzip", "br;q=0")),
  field("X-Other", fc.string({ maxLength: 5 })),
  fc.constantFrom(" folded", "Bad : name", "Nothing", "a:"),
);
const SID = "AAAB0123456789abcdef";
const target = fc.constantFrom(
  "/ws",
  "/ws?channels=tea",
  `/ws?sid=${SID}`,
  `/ws?sid=${SID}&sid=x`,
  "/sse?channels=tea",
  "/sse",
  "/poll",
  "/healthz",
  "/healthz?x",
  "/",
  "/ws#fragment",
  "/sse?channels=a#b",
  "*",
  "http://other.example/ws",
  `https://other.example/sse?channels=tea&sid=${SID}`,
  "http://other.example",
  "http://user@other.example/ws",
  "other.example:443",
  "/\xe4",
);
const GOOD = [
  "Host: gateway.example",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
/** A request for a WebSocket whose lists are written in any way. */
const listed = fc
  .tuple(
    field("Upgrade", list("websocket", "h2c", "WebSocket")),
    field("Connection", list("Upgrade", "keep-alive", "upgrade")),
  )
  .map((lists) => [...GOOD.filter((line) => !/^(?:Upgrade|Connection):/.test(line)), ...lists]);
const anyRequest = fc
  .record({
    before: fc.constantFrom("", "", "", "\r\n", "\r\n\r\n"),
    method: fc.constantFrom(
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
      "HEAD",
      "POST",
      "OPTIONS",
      "CONNECT",
      "get",
      "BREW",
    ),
    target,
    version: fc.constantFrom("1.1", "1.1", "1.1", "1.1", "1.1", "1.0", "1.2", "2.0"),
    good: fc.oneof(listed, fc.constant(GOOD), fc.constant(GOOD.slice(0, 1)), fc.subarray(GOOD)),
    headers: fc.array(header, { maxLength: 3 }),
    behind: fc.constantFrom("", "abc", "GET / HTTP/1.1\r\nHost: y\r\n\r\n"),
  })
  .map(
    ({ before, method, target: asked, version, good, headers, behind }) =>
      `${before}${method} ${asked} HTTP/${version}\r\n${[...good, ...headers].map((line) => `${line.replaceAll(/[\r\n]/g, "")}\r\n`).join("")}\r\n${behind}`,
  )
  .map((text) => Buffer.from(text, "latin1").toString("latin1"));

describe("a request", () => {
  it("is decided alike past Node's parser and through it", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(anyRequest, async (text) => {
        const head = asKnownVersion(text.slice(emptyLines(text)));
        const fast = readPlainHead(head);
        if (fast === undefined) return;
        taken++;
        expect(await decideByNode(head)).toEqual(decide(fast, isUpgrade(fast)));
      }),
      { numRuns: 2_000, examples: [[`GET /ws HTTP/1.1\r\n${GOOD.join("\r\n")}\r\nX: \t\r\n\r\n`]] },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it("with a body is read alike past Node's parser and through it", async () => {
    const behind = 'GET / HTTP/1.1\r\nHost: y\r\n\r\n{"a":1}';
    let taken = 0;
    const posts = fc.tuple(
      anyRequest,
      fc.constantFrom(
        "Content-Length: 0",
        "Content-Length: 7",
        "Content-Length: 007",
        "Connection: keep-alive",
      ),
    );
    await fc.assert(
      fc.asyncProperty(posts, async ([text, line]) => {
        const [start = "", ...rest] = text.slice(emptyLines(text)).split("\r\n\r\n")[0]?.split("\r\n") ?? [];
        const lines = [
          start.replace(/^\S+/, "POST"),
          "Host: x",
          line,
          ...rest.filter((each) => !/^(?:Host|Upgrade):/.test(each)),
        ];
        const head = `${lines.join("\r\n")}\r\n\r\n${behind}`;
        const fast = readPlainPost(head);
        if (fast === undefined) return;
        taken++;
        const seen = await readByNode(head);
        if (seen === undefined) throw new Error("Node cannot read it");
        const { request } = seen;
        expect(settleRequest(request)).toBeUndefined();
        expect([request.method, request.url, { ...request.headers }]).toEqual([
          "POST",
          fast.url,
          { ...fast.headers },
        ]);
        const chunks = await request.toArray();
        expect(Buffer.concat(chunks).toString()).toBe(behind.slice(0, fast.bodyBytes));
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it("is the same to the front door as to the worker: its session, its client, whether it is a probe", async () => {
    await fc.assert(
      fc.asyncProperty(anyRequest, async (text) => {
        const head = asKnownVersion(text.slice(emptyLines(text)));
        const line = readRequestLine(head);
        const seen = line?.major === 1 ? await readByNode(head) : undefined;
        if (line === undefined || seen === undefined || settleRequest(seen.request) !== undefined) {
          expect(isProbe(head)).toBe(false);
          return;
        }
        const { url = "", headers } = seen.request;
        expect(line.target).toBe(url);
        const query = parseUpgradeQuery(url.split("?")[1] ?? "", policy);
        const sid = sessionIdOf(line.target);
        if (query.kind === "query" && query.sid !== undefined) expect(sid).toBe(query.sid);
        const forwarded = `GET / HTTP/1.1\r\nX-Forwarded-For: ${headers["x-forwarded-for"] ?? ""}\r\n\r\n`;
        if (headers["x-forwarded-for"] !== undefined)
          expect(clientAddress("10.0.0.1", head, proxies)).toBe(
            clientAddress("10.0.0.1", forwarded, proxies),
          );
        if (isProbe(head)) expect([seen.isForWebSocket, url]).toEqual([false, "/healthz"]);
      }),
      { numRuns: 1_000 },
    );
  });
});
