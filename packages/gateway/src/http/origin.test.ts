import { describe, expect, it } from "@jest/globals";
import { originCheck } from "./origin.js";

describe("without a list", () => {
  const check = originCheck(undefined);

  it.each([
    [undefined, "example.com", true],
    ["http://example.com", "example.com", true],
    ["https://example.com", "example.com", true],
    ["https://example.com", "example.com:443", true],
    ["http://EXAMPLE.com", "example.COM", true],
    ["http://[::1]:8080", "[::1]:8080", true],
    ["http://example.com:8080", "example.com", false],
    ["http://example.com", "example.com:8080", false],
    ["http://sub.example.com", "example.com", false],
    ["http://example.com", undefined, false],
    ["null", "null", false],
    ["file://", "", false],
    ["nonsense", "nonsense", false],
  ])("a page of %s may connect to %s: %s", (origin, host, expected) => {
    expect(check(origin, host)).toBe(expected);
  });
});

describe("with a list", () => {
  const check = originCheck(["https://App.example.com", "http://localhost:3000/", "null"]);

  it.each([
    [undefined, true],
    ["https://app.example.com", true],
    ["https://app.example.com:443", true],
    ["http://localhost:3000", true],
    ["null", true],
    ["http://app.example.com", false],
    ["https://app.example.com.evil.example", false],
    ["https://example.com", false],
  ])("a page of %s may connect: %s", (origin, expected) => {
    expect(check(origin, "example.com")).toBe(expected);
  });

  it("admits every page when the list has a star", () => {
    expect(originCheck(["*"])("https://anywhere.example", "example.com")).toBe(true);
  });
});

describe("where being on this machine is all that a client has to prove", () => {
  const check = originCheck(undefined, true);

  it.each([
    "rebound.example:8080",
    "127.0.0.1.rebound.example",
    "localhost.rebound.example:80",
    "rebound.example.",
  ])("a page at %s, which its owner's DNS may lead here, is refused, with its origin and without", (host) => {
    expect(check(`http://${host}`, host)).toBe(false);
    expect(check(undefined, host, "")).toBe(false);
    expect(check(undefined, host, "same-origin")).toBe(false);
  });

  it.each([
    "localhost:8080",
    "127.0.0.1:8080",
    "127.8.9.1",
    "[::1]:8080",
    "app.localhost:3000",
    "192.0.2.7:8080",
    "devbox",
  ])("a page at %s is let in", (host) => {
    expect(check(`http://${host}`, host)).toBe(true);
    expect(check(undefined, host, "")).toBe(true);
  });

  it("what no page sends is let in, whatever its host", () => {
    expect(check(undefined, "gateway.example")).toBe(true);
  });

  it("the setting `origins` says otherwise", () => {
    expect(originCheck(["http://dev.example"], true)("http://dev.example", "dev.example")).toBe(true);
    expect(originCheck(["*"], true)(undefined, "dev.example", "cross-site")).toBe(true);
  });
});

describe("a list with https://*.example.com", () => {
  const check = originCheck(["https://*.example.com", "http://*.dev.test:3000", "https://example.org"]);

  it.each([
    ["https://app.example.com", true],
    ["https://a.b.example.com", true],
    ["https://APP.Example.COM", true],
    ["https://app.example.com:443", true],
    ["https://example.com", false],
    ["https://evil-example.com", false],
    ["https://evilexample.com", false],
    ["https://app.example.com.evil.test", false],
    ["https://.example.com", false],
    ["http://app.example.com", false],
    ["https://app.example.com:8443", false],
    ["https://evil.test/.example.com", false],
    ["https://evil.test#.example.com", false],
    ["https://evil.test?.example.com", false],
    ["https://evil.test\\.example.com", false],
    ["https://x@evil.test:80/.example.com", false],
    ["wss://app.example.com", false],
    ["null", false],
    ["http://a.dev.test:3000", true],
    ["http://a.dev.test", false],
    ["https://example.org", true],
    ["https://a.example.org", false],
  ])("lets in %s: %s", (origin, expected) => {
    expect(check(origin, "gateway.example")).toBe(expected);
  });
});

describe("a gateway on loopback", () => {
  const check = originCheck(undefined, true, true);

  it.each([
    ["http://localhost:5173", "localhost:8080", true],
    ["http://127.0.0.1:5173", "localhost:8080", true],
    ["https://localhost", "127.0.0.1:8080", true],
    ["http://[::1]:5173", "[::1]:8080", true],
    // Names that DNS answers for, on either side.
    ["http://localhost.evil.test:5173", "localhost:8080", false],
    ["http://127.0.0.1.evil.test", "localhost:8080", false],
    ["https://evil.test", "localhost:8080", false],
    ["http://localhost:5173", "rebound.example:8080", false],
    ["http://rebound.example:8080", "rebound.example:8080", false],
    ["http://localhost:5173", undefined, false],
    ["null", "localhost:8080", false],
    ["file://", "localhost:8080", false],
  ])("asked by a page of %s for %s lets it in: %s", (origin, host, expected) => {
    expect(check(origin, host)).toBe(expected);
  });

  it("is told by the setting `origins` which origins to let in, and then by nothing else", () => {
    expect(originCheck(["https://app.example"], true, true)("http://localhost:1", "localhost:2")).toBe(false);
  });

  it("is another thing than one that other machines reach", () => {
    expect(originCheck(undefined)("http://localhost:5173", "localhost:8080")).toBe(false);
  });
});
