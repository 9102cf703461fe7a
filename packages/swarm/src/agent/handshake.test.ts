import { describe, expect, test } from "@jest/globals";
import { handshakeRequest, MAX_HEAD_BYTES, readAnswer } from "./handshake.js";

const ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

describe("the answer to a handshake", () => {
  test("is accepted when whole, and says where the frames begin", () => {
    expect(readAnswer(`${ACCEPTED}rest`)).toEqual({ is: "accepted", end: ACCEPTED.length });
  });

  test("is unfinished at every byte before", () => {
    for (let at = 0; at < ACCEPTED.length; at++) {
      expect(readAnswer(ACCEPTED.slice(0, at))).toEqual({ is: "unfinished" });
    }
  });

  test.each([
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP 503"],
    ["SSH-2.0\r\n\r\n", "not HTTP"],
    ["HTTP/1.1 101 Yes\r\n\r\n", "not a WebSocket's answer"],
    ["x".repeat(MAX_HEAD_BYTES + 1), "not HTTP"],
  ])("%j is refused", (head, why) => {
    expect(readAnswer(head)).toEqual({ is: "refused", why });
  });
});

test("the request names host and target; an IPv6 address in brackets", () => {
  expect(handshakeRequest("::1", 80, "/ws?channels=a")).toMatch(
    /^GET \/ws\?channels=a HTTP\/1\.1\r\nHost: \[::1\]:80\r\n/,
  );
});
