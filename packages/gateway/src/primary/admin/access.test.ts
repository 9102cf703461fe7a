import { describe, expect, it } from "@jest/globals";
import { adminRefusal } from "./access.js";

const JSON_BODY = { "content-type": "application/json" };
const status = (...args: Parameters<typeof adminRefusal>): number | undefined =>
  adminRefusal(...args)?.status;

describe("health", () => {
  it("may be asked by any peer, with a key and without, under any name", () => {
    for (const route of ["GET /livez", "GET /readyz"]) {
      expect(adminRefusal(route, {}, undefined)).toBeUndefined();
      expect(adminRefusal(route, { host: "probe.example" }, "correct horse battery staple")).toBeUndefined();
    }
  });
});

describe("without a key", () => {
  it.each([
    "localhost",
    "localhost:9080",
    "127.0.0.1",
    "127.0.0.1:9080",
    "127.1.2.3:80",
    "[::1]",
    "[::1]:9080",
  ])("the host %s is this machine", (host) => {
    expect(adminRefusal("GET /metrics", { host }, undefined)).toBeUndefined();
  });

  it.each([
    ["a name that was made to resolve to it", "evil.example:9080"],
    ["a name that only begins like it", "127.0.0.1.evil.example"],
    ["a name that only ends like it", "evil-localhost"],
    ["another address", "10.0.0.1:9080"],
    ["an address in other clothes", "[::ffff:10.0.0.1]:9080"],
    ["every address", "0.0.0.0:9080"],
    ["a user in front", "localhost:9080@evil.example"],
    ["nothing", ""],
    ["an open bracket", "["],
  ])("a request for %s is refused", (_what, host) => {
    expect(status("GET /metrics", { host }, undefined)).toBe(403);
  });

  it("a request without a host is refused", () => {
    expect(status("GET /metrics", {}, undefined)).toBe(403);
  });
});

describe("a web page in the operator's browser", () => {
  // The three types that a page may post across origins without asking first, and none.
  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "text/plain; application/json",
    "",
    undefined,
  ])("cannot post %s", (type) => {
    const headers = { host: "localhost:9080", ...(type !== undefined && { "content-type": type }) };
    expect(status("POST /api/publish", headers, undefined)).toBe(415);
  });

  it.each(["application/json", "Application/JSON; charset=utf-8"])("would have to ask before %s", (type) => {
    expect(
      status("POST /api/publish", { host: "localhost:9080", "content-type": type }, undefined),
    ).toBeUndefined();
  });
});

describe("with a key", () => {
  const KEY = "correct horse battery staple";

  it.each([
    ["presented", `Bearer ${KEY}`, undefined],
    ["with the scheme in another case", `bearer ${KEY}`, undefined],
    ["missing", undefined, 401],
    ["empty", "Bearer ", 401],
    ["another", "Bearer wrong", 401],
    ["too short", `Bearer ${KEY.slice(0, -1)}`, 401],
    ["too long", `Bearer ${KEY}x`, 401],
    ["in another case", `Bearer ${KEY.toUpperCase()}`, 401],
    ["under another scheme", `Basic ${KEY}`, 401],
    ["bare", KEY, 401],
  ])("%s", (_what, authorization, expected) => {
    const headers = { host: "gateway.example", ...(authorization !== undefined && { authorization }) };
    expect(status("GET", headers, KEY)).toBe(expected);
    expect(status("POST /api/publish", { ...headers, ...JSON_BODY }, KEY)).toBe(expected);
  });

  it("the host is of no interest, the type of the body is", () => {
    expect(status("POST /api/publish", { authorization: `Bearer ${KEY}` }, KEY)).toBe(415);
  });

  it("wrong keys of any length take the same path: digests of one length are compared", () => {
    for (const wrong of ["x", "x".repeat(100_000)]) {
      expect(status("GET /metrics", { authorization: `Bearer ${wrong}` }, KEY)).toBe(401);
    }
  });
});
