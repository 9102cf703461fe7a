import { expect, test } from "@jest/globals";
import { frontAnswer } from "../admission/front-answers.js";
import { frontCorsLines } from "../admission/front-cors.js";

const HEAD =
  "GET /sse?channels=a HTTP/1.1\r\nHost: x\r\nORIGIN: http://page\r\naccept: text/event-stream\r\n\r\n";
const CORS = frontCorsLines(HEAD, () => true);

test.each(["draining", "limit_connections", "limit_rate", "limit_address", "no_worker"] as const)(
  "%s: an EventSource is told when to come back, by a stream that ends",
  (why) => {
    const [head = "", body = ""] = frontAnswer(why, 0.25, "", CORS, HEAD).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/content-type: text\/event-stream/i);
    expect(head).toContain("Access-Control-Allow-Origin: http://page");
    expect(head).toContain("Connection: close");
    expect(`${body}\n\n`).toMatch(/^: .+\nretry: 3250\n\n/);
  },
);

test.each([
  ["another address", HEAD.replace("/sse", "/ssex")],
  ["another method", HEAD.replace("GET", "POST")],
  ["a client that asked for anything", HEAD.replace("text/event-stream", "*/*")],
  ["no head", ""],
])("%s is told the status", (_what, head) => {
  expect(frontAnswer("draining", 0, "", "", head)).toMatch(/^HTTP\/1\.1 503 /);
});

test("what the client did wrong is said with its status", () => {
  expect(frontAnswer("big_head", 0, "", "", HEAD)).toMatch(/^HTTP\/1\.1 431 /);
});
