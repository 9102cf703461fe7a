import { describe, expect, it } from "@jest/globals";
import { mayBeTls } from "../tls/first-byte.js";
import { helloEnd } from "./client-hello.js";

/** A ClientHello of so many bytes behind its head, in records of these lengths. */
function hello(bytes: number, ...lengths: readonly number[]): string {
  const head = String.fromCharCode(1, bytes >> 16, (bytes >> 8) & 255, bytes & 255);
  const message = head + "x".repeat(bytes);
  let text = "";
  let at = 0;
  for (const length of [...lengths, message.length - lengths.reduce((sum, each) => sum + each, 0)]) {
    text += `\x16\x03\x01${String.fromCharCode(length >> 8, length & 255)}${message.slice(at, at + length)}`;
    at += length;
  }
  return text;
}

describe("a ClientHello", () => {
  it.each([
    ["in one record", hello(500)],
    ["in several records", hello(500, 1, 2, 100)],
    ["longer than a record", hello(20_000, 16_384)],
  ])("%s ends with its last record, and at no earlier byte", (_how, text) => {
    for (let length = 1; length < text.length; length += length < 64 ? 1 : 97)
      expect([length, helloEnd(text.slice(0, length))]).toEqual([length, "incomplete"]);
    expect(helloEnd(text)).toBe(text.length);
    expect(helloEnd(`${text}behind it`)).toBe(text.length);
  });

  it.each([
    ["a request", "GET / HTTP/1.1\r\n\r\n"],
    ["an old SSL", "\x80\x2e\x01\x03\x01"],
    ["another record", "\x17\x03\x03\x00\x01x"],
    ["another version", "\x16\x02\x00\x00\x01\x01"],
    ["another message", "\x16\x03\x01\x00\x04\x02\x00\x00\x00"],
    ["an empty record", "\x16\x03\x01\x00\x00"],
    ["a record that is too long", "\x16\x03\x01\x40\x01"],
    ["something else behind a record", `${hello(500, 10).slice(0, 15)}GET /`],
    ["more records than anybody sends", hello(500, ...new Array<number>(17).fill(1))],
  ])("is not %s", (_what, text) => {
    expect(helloEnd(text)).toBe("none");
  });

  it("is told from a request by its first byte", () => {
    expect([mayBeTls("\x16"), mayBeTls("G"), mayBeTls("")]).toEqual([true, false, false]);
  });
});
