import { expect, test } from "@jest/globals";
import { handshakeRequest, handshakeStatus } from "./handshake.js";
import { maskedFrame, readFrame } from "./websocket-frames.js";

test("the request is whole", () => {
  expect(handshakeRequest("/ws", 80)).toMatch(
    /^GET \/ws HTTP\/1\.1\r\nHost: 127\.0\.0\.1:80\r\n.*\r\n\r\n$/s,
  );
});

test("an answer is undecided until its head is whole, and good only with the right accept value", () => {
  const good =
    "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  expect(handshakeStatus(good.slice(0, -1))).toBeUndefined();
  expect(handshakeStatus(good)).toBe("101");
  expect(handshakeStatus(good.replace("xOo=", "xOO="))).toBe("not a handshake");
  expect(handshakeStatus("HTTP/1.1 503 Service Unavailable\r\n\r\n")).toBe("HTTP 503");
});

test("frames are read when they are whole, whatever their length", () => {
  for (const length of [0, 5, 125, 126, 70_000]) {
    const payload = Buffer.alloc(length, 7);
    const header =
      length < 126
        ? Buffer.from([0x81, length])
        : length < 65_536
          ? Buffer.from([0x81, 126, length >> 8, length & 255])
          : Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    const frame = Buffer.concat([header, payload]);
    expect(readFrame(frame.subarray(0, -1))).toBeUndefined();
    expect(readFrame(frame)).toMatchObject({ opcode: 1, payload, total: frame.length });
  }
});

test("a client's frame is masked, with zeroes", () => {
  expect([...maskedFrame(1, "{}")]).toEqual([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]);
});
