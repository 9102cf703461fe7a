import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readProxyHeader } from "./proxy-protocol.js";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function v2(command: number, family: number, block: Buffer): Buffer {
  const fixed = Buffer.from([0x20 | command, (family << 4) | 1, 0, 0]);
  fixed.writeUInt16BE(block.length, 2);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

const V4 = Buffer.from([203, 0, 113, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80]);
const V6 = Buffer.concat([Buffer.from("20010db8000000000000000000000001", "hex"), Buffer.alloc(20)]);

describe("the PROXY header", () => {
  it.each([
    ["TCP4", "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n", "203.0.113.7"],
    ["TCP6", "PROXY TCP6 2001:db8::1 ::1 12345 80\r\n", "2001:db8::1"],
    ["UNKNOWN", "PROXY UNKNOWN\r\n", undefined],
    ["UNKNOWN with addresses", "PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", undefined],
  ])("version 1, %s", (_what, line, address) => {
    expect(readProxyHeader(Buffer.from(`${line}GET / HTTP/1.1\r\n`))).toEqual({
      kind: "header",
      length: line.length,
      address,
    });
  });

  it.each([
    ["IPv4", v2(1, 1, V4), "203.0.113.7"],
    ["IPv4 with extensions", v2(1, 1, Buffer.concat([V4, Buffer.alloc(300)])), "203.0.113.7"],
    ["IPv6", v2(1, 2, V6), "2001:db8:0:0:0:0:0:1"],
    ["the balancer itself", v2(0, 0, Buffer.alloc(0)), undefined],
    ["a Unix socket", v2(1, 3, Buffer.alloc(216)), undefined],
  ])("version 2, %s", (_what, header, address) => {
    const bytes = Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]);
    expect(readProxyHeader(bytes)).toEqual({ kind: "header", length: header.length, address });
  });

  it.each([
    ["a wrong family", "PROXY TCP5 203.0.113.7 10.0.0.1 1 2\r\n"],
    ["an address of the other family", "PROXY TCP4 2001:db8::1 ::1 1 2\r\n"],
    ["a name", "PROXY TCP4 example.org 10.0.0.1 1 2\r\n"],
    ["too few words", "PROXY TCP4 203.0.113.7\r\n"],
    ["no end in 107 bytes", `PROXY UNKNOWN ${"x".repeat(100)}`],
    ["another version", Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 12]), V4])],
    ["another command", v2(2, 1, V4)],
    ["too few bytes of an address", v2(1, 1, V4.subarray(0, 8))],
    ["more bytes than anybody sends", Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
  ])("is invalid with %s", (_what, bytes) => {
    expect(readProxyHeader(Buffer.from(bytes))).toEqual({ kind: "invalid" });
  });

  it("is absent from a request", () => {
    for (const text of ["GET / HTTP/1.1\r\n", "PUT /", "PRI * HTTP/2.0\r\n", "\r\n\r\nGET"]) {
      expect(readProxyHeader(Buffer.from(text))).toEqual({ kind: "absent" });
    }
  });

  it("is incomplete until its last byte, and the same however it is cut", () => {
    const headers = [Buffer.from("PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n"), v2(1, 1, V4), v2(1, 2, V6)];
    for (const header of headers) {
      for (let length = 0; length < header.length; length++) {
        expect(readProxyHeader(header.subarray(0, length))).toEqual({ kind: "incomplete" });
      }
    }
  });

  it("never throws, and never claims more bytes than there are", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.uint8Array({ maxLength: 300 }).map((tail) => Buffer.concat([SIGNATURE, tail])),
      fc.string().map((tail) => Buffer.from(`PROXY ${tail}`)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const header = readProxyHeader(Buffer.from(input));
        if (header.kind === "header") expect(header.length).toBeLessThanOrEqual(input.length);
      }),
    );
  });
});
