/**
 * HTTP as RFC 9110 and 9112 say, case by case, on every road that a request can take: through the front door,
 * through a door of a worker that listens itself, and as the second request of a connection, which Node's
 * parser reads, behind the answer to the first or right behind its request.
 */
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { startDirect } from "./modern-node.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const PAGE = "https://shop.example";
const ARGS = ["--origins", PAGE, "--max-payload", "2KiB"];
const shared = new Resources();
let front: GatewayProcess;
let direct: GatewayProcess | undefined;

beforeAll(async () => {
  front = shared.add(await GatewayProcess.start({ args: ARGS }));
  if (process.platform === "linux") direct = shared.add(await startDirect(await freePorts(1), ARGS));
});
afterAll(() => shared.close());

/**
 * What goes before the request on its connection: nothing, a request that was answered, or one that was not.
 */
type Before = "nothing" | "an answer" | "a request";

/** The answer to `text`, whole or until the end; behind another request on its connection, or not. */
async function answerTo(
  url: string,
  text: string,
  before: Before = "nothing",
  first = ask("GET /healthz? HTTP/1.1"),
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding("latin1");
  let answer = "";
  let isNext = before === "nothing";
  const whole = new Promise<void>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve());
    socket.on("data", (chunk: string) => {
      answer += chunk;
      const firstAnswer = FIRST_ANSWER.exec(answer)?.[0];
      if (!isNext && firstAnswer !== undefined) {
        if (before === "an answer") socket.write(text, "latin1");
        isNext = true;
        answer = answer.slice(firstAnswer.length);
      }
      if (isNext && isWhole(answer, text)) resolve();
    });
  });
  socket.write(before === "nothing" ? text : before === "an answer" ? first : first + text, "latin1");
  await within(whole, () => `an answer to ${JSON.stringify(text)} after ${JSON.stringify(answer)}`);
  socket.destroy();
  return answer;
}

const FIRST_ANSWER = /^HTTP\/1\.1 200 [\s\S]*?\r\n\r\nok\n?/;

function isWhole(answer: string, request: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1 || answer.startsWith("HTTP/1.1 100 ")) return false;
  const length = Number(/\r\nContent-Length: (\d+)/i.exec(answer.slice(0, end))?.[1] ?? 0);
  return request.startsWith("HEAD ") || answer.length >= end + 4 + length;
}

const KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
const POLL = '{"channels":["tea"]}';
const ask = (line: string, headers = "", body = "", host = "Host: gateway.example\r\n"): string =>
  `${line}\r\n${host}${headers}\r\n${body}`;
const upgrade = (connection: string, offer: string, line = "GET /ws HTTP/1.1"): string =>
  ask(line, `Connection:${connection}\r\nUpgrade:${offer}\r\n${KEY}`);
const post = (path: string, headers: string, body: string): string =>
  ask(`POST ${path} HTTP/1.1`, `${headers}Content-Length: ${body.length}\r\n`, body);

interface Case {
  readonly name: string;
  readonly text: string;
  readonly status: number;
  /** What the answer has. */
  readonly has?: RegExp;
  readonly hasNot?: RegExp;
}

const CASES: readonly Case[] = [
  // Offers to switch protocols
  {
    name: "9110 §7.8: h2c at /healthz is ignored",
    text: ask("GET /healthz HTTP/1.1", H2C),
    status: 200,
    has: /\r\n\r\nok$/,
  },
  {
    name: "9110 §7.8: h2c at /sse is ignored",
    text: ask("GET /sse?channels=tea HTTP/1.1", H2C),
    status: 200,
    has: /text\/event-stream/,
  },
  {
    name: "9110 §7.8: h2c with a body at /poll is ignored",
    text: post("/poll", H2C, POLL),
    status: 200,
    has: /"cursor"/,
  },
  {
    name: "9110 §7.8: h2c with a body at /send is ignored",
    text: post("/send", H2C, "{}"),
    status: 400,
    has: /"error"/,
  },
  {
    name: "9110 §7.8: several protocols, one of them WebSocket",
    text: upgrade(" Upgrade", " h2c, websocket"),
    status: 101,
  },
  {
    name: "9110 §5.6.1: lists with tabs and empty elements",
    text: upgrade(" x, \tUpgrade\t,,", "\t, websocket ,"),
    status: 101,
  },
  {
    name: "9110 §5.3: a list in several lines",
    text: upgrade(" x\r\nConnection: upgrade", " h2c\r\nUpgrade: WebSocket"),
    status: 101,
  },
  {
    name: "9110 §7.8: Upgrade without its connection option",
    text: upgrade(" keep-alive", " websocket"),
    status: 426,
  },
  {
    name: "9110 §7.8: Upgrade of HTTP/1.0 is ignored",
    text: upgrade(" Upgrade", " websocket", "GET /ws HTTP/1.0"),
    status: 426,
  },
  {
    name: "9110 §15.5.22: 426 names the protocol and the connection option",
    text: ask("GET /ws HTTP/1.1"),
    status: 426,
    has: /^(?=[\s\S]*\r\nUpgrade: websocket\r\n)[\s\S]*\r\nConnection: [^\r]*upgrade\r\n/,
  },
  {
    name: "6455 §4.1: empty elements in the list of subprotocols",
    text: upgrade(" Upgrade", " websocket\r\nSec-WebSocket-Protocol: , holdfast.v1.json,"),
    status: 101,
  },
  // Host
  { name: "9112 §3.2: no Host", text: ask("GET /sse?channels=tea HTTP/1.1", "", "", ""), status: 400 },
  {
    name: "9112 §3.2: no Host, to a health check",
    text: ask("GET /healthz HTTP/1.1", "", "", ""),
    status: 400,
  },
  {
    name: "9112 §3.2: two Hosts",
    text: ask("GET /healthz HTTP/1.1", "Host: gateway.example\r\n"),
    status: 400,
  },
  {
    name: "9112 §3.2: two Hosts with an upgrade",
    text: upgrade(" Upgrade", " websocket\r\nHost: gateway.example"),
    status: 400,
  },
  {
    name: "9112 §3.2: a malformed Host",
    text: ask("GET /healthz HTTP/1.1", "", "", "Host: a b\r\n"),
    status: 400,
  },
  {
    name: "9112 §3.2: a Host with user information, with an upgrade",
    text: upgrade(" Upgrade", " websocket").replace("gateway.example", "x@y"),
    status: 400,
  },
  {
    name: "9112 §3.2: HTTP/1.0 without a Host",
    text: ask("GET /healthz HTTP/1.0", "Connection: keep-alive\r\n", "", ""),
    status: 200,
  },
  // The request line
  {
    name: "9112 §3.2.2: a target in absolute form",
    text: ask("GET http://gateway.example/healthz HTTP/1.1"),
    status: 200,
  },
  {
    name: "9112 §3.2.2: a WebSocket by absolute form",
    text: upgrade(" Upgrade", " websocket", "GET http://gateway.example/ws HTTP/1.1"),
    status: 101,
  },
  {
    name: "9112 §3.2.2: an event stream by absolute form",
    text: ask("GET HTTP://gateway.example/sse?channels=tea HTTP/1.1"),
    status: 200,
  },
  {
    name: "9112 §3.2.4: OPTIONS *",
    text: ask("OPTIONS * HTTP/1.1"),
    status: 204,
    has: /\r\nAllow: /,
    hasNot: /content-length/i,
  },
  { name: "9112 §3.2: a fragment", text: ask("GET /healthz#top HTTP/1.1"), status: 400 },
  {
    name: "9112 §3.2: a fragment with an upgrade",
    text: upgrade(" Upgrade", " websocket", "GET /ws#top HTTP/1.1"),
    status: 400,
  },
  { name: "9112 §3.2: an asterisk with GET", text: ask("GET * HTTP/1.1"), status: 400 },
  { name: "9110 §9.3.6: CONNECT", text: ask("CONNECT gateway.example:443 HTTP/1.1"), status: 501 },
  { name: "9110 §9.1: a method that is not known", text: ask("BREW / HTTP/1.1"), status: 501 },
  {
    name: "9110 §2.5: HTTP/1.2 counts as 1.1",
    text: ask("GET /healthz HTTP/1.2"),
    status: 200,
    has: /\r\n\r\nok$/,
  },
  {
    name: "9110 §2.5: a WebSocket by HTTP/1.3",
    text: upgrade(" Upgrade", " websocket", "GET /ws HTTP/1.3"),
    status: 101,
  },
  {
    name: "9110 §2.5: an event stream by HTTP/1.2",
    text: ask("GET /sse?channels=tea HTTP/1.2"),
    status: 200,
    has: /text\/event-stream/,
  },
  {
    name: "9110 §2.5: a poll by HTTP/1.2",
    text: post("/poll", "", POLL).replace("HTTP/1.1", "HTTP/1.2"),
    status: 200,
    has: /"cursor"/,
  },
  { name: "9110 §2.5: a version of three digits", text: ask("GET /healthz HTTP/1.12"), status: 400 },
  { name: "9110 §15.6.6: HTTP/2.0 in the clear", text: ask("GET /healthz HTTP/2.0"), status: 505 },
  {
    name: "9112 §2.2: empty lines before the request",
    text: `\r\n\r\n${ask("GET /healthz HTTP/1.1")}`,
    status: 200,
  },
  {
    name: "6585 §5: more than 2,000 headers",
    text: ask("GET /healthz HTTP/1.1", "a:\r\n".repeat(2_001)),
    status: 431,
  },
  {
    name: "9112 §6.1: Transfer-Encoding of HTTP/1.0",
    text: ask("POST /poll HTTP/1.0", "Transfer-Encoding: chunked\r\n"),
    status: 400,
  },
  // Answers
  {
    name: "9110 §8.6: no length with 204",
    text: ask("OPTIONS /poll HTTP/1.1", `Origin: ${PAGE}\r\n`),
    status: 204,
    hasNot: /content-length/i,
  },
  {
    name: "9110 §8.6: no length of a HEAD whose GET is a stream",
    text: ask("HEAD /sse?channels=tea HTTP/1.1"),
    status: 200,
    hasNot: /content-length/i,
  },
  {
    name: "9110 §9.3.2: HEAD with an upgrade has no body",
    text: upgrade(" Upgrade", " websocket", "HEAD /ws HTTP/1.1"),
    status: 405,
    has: /\r\n\r\n$/,
  },
  {
    name: "9112 §9.3: keep-alive to HTTP/1.0",
    text: ask("GET /nothing HTTP/1.0", "Connection: keep-alive\r\n"),
    status: 404,
    has: /\r\nConnection: keep-alive\r\n/,
  },
  {
    name: "9112 §9.6: close to HTTP/1.0",
    text: ask("POST /nothing HTTP/1.0"),
    status: 404,
    has: /\r\nConnection: close\r\n/,
  },
  {
    name: "9112 §9.6: close is answered with close",
    text: ask("GET /nothing HTTP/1.1", "Connection: close\r\n"),
    status: 404,
    has: /\r\nConnection: close\r\n/,
  },
  // Expectations
  {
    name: "9110 §10.1.1: too long a body is refused before it is sent",
    text: ask("POST /send HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 99999\r\n"),
    status: 413,
    has: /^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/,
  },
  {
    name: "9110 §10.1.1: a method that has no body here neither",
    text: ask("PUT /poll HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 9\r\n"),
    status: 405,
    has: /^HTTP\/1\.1 405 [\s\S]*\r\nConnection: close\r\n/,
  },
  {
    name: "9110 §10.1.1: another expectation",
    text: ask("GET /healthz HTTP/1.1", "Expect: tea\r\n"),
    status: 417,
  },
  // What pages may read
  {
    name: "protocol §15: a page that may not connect reads nothing",
    text: post("/poll", "Origin: https://evil.example\r\n", POLL),
    status: 403,
    hasNot: /access-control/i,
  },
  {
    name: "protocol §15: a page that may reads 403",
    text: post(
      "/send",
      `Origin: ${PAGE}\r\n`,
      '{"sid":"AAAB0123456789abcdef","token":"t","commands":[{"id":1}]}',
    ),
    status: 403,
    has: /access-control-allow-origin/i,
  },
  {
    name: "protocol §15: a page that may reads 413",
    text: post("/send", `Origin: ${PAGE}\r\n`, "x".repeat(9_000)),
    status: 413,
    has: /access-control-allow-origin/i,
  },
  {
    name: "protocol §15: a page that may reads 417",
    text: ask("POST /poll HTTP/1.1", `Origin: ${PAGE}\r\nExpect: tea\r\n`),
    status: 417,
    has: /access-control-allow-origin/i,
  },
];

const ROADS: readonly (readonly [string, Before])[] = [
  ["the front door", "nothing"],
  ["the door of a worker", "nothing"],
  ["a kept connection", "an answer"],
  ["a connection with a request under way", "a request"],
];

describe.each(ROADS)("on the road of %s", (road, before) => {
  test.each(CASES)("$name", async ({ text, status, has, hasNot }) => {
    const gateway = road === "the door of a worker" ? direct : front;
    if (gateway === undefined) return;
    const answer = await answerTo(gateway.http, text, before);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (has !== undefined) expect(answer).toMatch(has);
    if (hasNot !== undefined) expect(answer).not.toMatch(hasNot);
    // RFC 9110 §6.6.1; a 101 is no final answer.
    if (status !== 101) expect(answer).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
  });
});

describe("at the admin port", () => {
  const LIVEZ = ask("GET /livez HTTP/1.1");

  test.each(CASES)("a second request is decided as a first one: $name", async ({ text }) => {
    const status = async (before: Before): Promise<string> =>
      (await answerTo(front.admin, text, before, LIVEZ)).slice(0, "HTTP/1.1 200".length);
    const first = await status("nothing");
    expect(first).toMatch(/^HTTP\/1\.1 \d{3}$/);
    expect(await status("an answer")).toBe(first);
    expect(await status("a request")).toBe(first);
  });

  test("HTTP/1.2 counts as 1.1, and HTTP/2.0 is not spoken", async () => {
    for (const before of ["nothing", "an answer", "a request"] as const) {
      const answer = (line: string): Promise<string> => answerTo(front.admin, ask(line), before, LIVEZ);
      expect(await answer("GET /livez HTTP/1.2")).toMatch(/^HTTP\/1\.1 200 /);
      expect(await answer("GET /livez HTTP/2.0")).toMatch(/^HTTP\/1\.1 505 /);
      expect(await answer("BREW /livez HTTP/1.1")).toMatch(/^HTTP\/1\.1 501 /);
    }
  });
});

describe("a connection with an offer of h2c", () => {
  test("goes on, with what was sent behind the offer", async () => {
    const text = `${ask("GET /healthz? HTTP/1.1", H2C)}`.repeat(12);
    const { hostname, port } = new URL(front.http);
    const socket = connect(Number(port), hostname).setEncoding("latin1");
    let answers = "";
    socket.write(text);
    const all = new Promise<void>((resolve) => {
      socket.on("data", (chunk: string) => {
        answers += chunk;
        if (answers.split("\r\n\r\nok").length === 13) resolve();
      });
    });
    await within(all, () => `twelve answers after ${JSON.stringify(answers)}`);
    socket.destroy();
  });
});

describe("a body that its client asks leave for", () => {
  test("is asked for, and then taken", async () => {
    const { hostname, port } = new URL(front.http);
    const socket = connect(Number(port), hostname).setEncoding("latin1");
    let answer = "";
    const answered = new Promise<void>((resolve) => {
      socket.on("data", (chunk: string) => {
        answer += chunk;
        if (answer === "HTTP/1.1 100 Continue\r\n\r\n") socket.write(POLL);
        if (answer.endsWith("}\n")) resolve();
      });
    });
    socket.write(ask("POST /poll HTTP/1.1", `Expect: 100-continue\r\nContent-Length: ${POLL.length}\r\n`));
    await within(answered, () => `an answer after ${JSON.stringify(answer)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*"cursor"/);
    socket.destroy();
  });
});

describe("a page", () => {
  test("is served compressed, and not again to a client that has this form of it", async () => {
    const get = (headers: string): Promise<string> =>
      answerTo(front.http, ask("GET /holdfast.js HTTP/1.1", headers));
    // The first to ask a worker is given the page as it is, and the worker compresses it.
    const coded = (accepted: string, coding: string): Promise<string> =>
      eventually(coding, async () => {
        const answer = await get(`Accept-Encoding: ${accepted}\r\n`);
        return answer.includes(`\r\nContent-Encoding: ${coding}\r\n`) && answer;
      });
    const forms = [await get(""), await coded("gzip", "gzip"), await coded("gzip, br", "br")];
    const tags = forms.map((answer) => /\r\nETag: (\S+)\r\n/.exec(answer)?.[1] ?? "");
    const codings = forms.map((answer) => /\r\nContent-Encoding: (\S+)\r\n/.exec(answer)?.[1]);
    expect(codings).toEqual([undefined, "gzip", "br"]);
    expect(new Set(tags).size).toBe(3);
    const bodies = forms.map((answer) => answer.slice(answer.indexOf("\r\n\r\n") + 4));
    expect(gunzipSync(Buffer.from(bodies[1] ?? "", "latin1")).toString("latin1")).toBe(bodies[0]);
    for (const answer of forms) expect(answer).toContain("\r\nVary: Accept-Encoding\r\n");
    const again = await eventually("304", async () => {
      const answer = await get(`Accept-Encoding: gzip, br\r\nIf-None-Match: W/"x", ${tags[2]}\r\n`);
      return answer.startsWith("HTTP/1.1 304 ") && answer;
    });
    expect(again).toMatch(
      /^HTTP\/1\.1 304 (?![\s\S]*content-length)[\s\S]*\r\nVary: Accept-Encoding\r\n[\s\S]*\r\n\r\n$/i,
    );
  });
});
