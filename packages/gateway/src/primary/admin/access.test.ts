import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { adminRefusal, presentedKey } from "./access.js";
import { AdminSessions } from "./sessions.js";

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

  it("would have to ask before bytes, too, which are taken where a route has a form of them", () => {
    const headers = { host: "localhost:9080", "content-type": "application/octet-stream" };
    expect(adminRefusal("POST /api/publish", headers, undefined, undefined, true)).toBeUndefined();
    expect(adminRefusal("POST /api/batch", headers, undefined)?.message).not.toContain("octet-stream");
    const text = { ...headers, "content-type": "text/plain; application/octet-stream" };
    const refusal = adminRefusal("POST /api/publish", text, undefined, undefined, true);
    expect(refusal?.status).toBe(415);
    expect(refusal?.message).toContain("or bytes with `Content-Type: application/octet-stream`");
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

describe("a session of a browser", () => {
  const KEY = "correct horse battery staple";
  const READ = "only to look at things";
  const clock = new FakeClock();
  const sessions = new AdminSessions({ key: KEY, readKey: READ }, clock);
  const cookieOf = (key: string, of = sessions): string => {
    const signedIn = of.signIn(key, false);
    if (typeof signedIn === "string") throw new Error(signedIn);
    return signedIn.cookie.split(";")[0] ?? "";
  };
  const refused = (route: string, headers: Record<string, string>): number | undefined =>
    adminRefusal(route, { ...JSON_BODY, ...headers }, KEY, sessions)?.status;
  const own = { "x-holdfast": "dashboard" };

  it("stands for the key that it was begun with", () => {
    const cookie = `theme=dark; ${cookieOf(KEY)}`;
    expect(refused("GET /api/overview", { cookie, ...own })).toBeUndefined();
    expect(refused("POST /api/drain", { cookie, ...own })).toBeUndefined();
    expect(presentedKey({ cookie }, KEY, sessions)).toBe("session");
  });

  it("only reads where it was begun with the key that only reads, as that key does", () => {
    const cookie = cookieOf(READ);
    expect(refused("GET /api/overview", { cookie, ...own })).toBeUndefined();
    expect(refused("POST /api/drain", { cookie, ...own })).toBe(403);
    expect(refused("GET /metrics", { authorization: `Bearer ${READ}` })).toBeUndefined();
    expect(refused("POST /api/publish", { authorization: `Bearer ${READ}` })).toBe(403);
    expect(presentedKey({ cookie }, KEY, sessions)).toBe("read session");
    expect(presentedKey({ authorization: `Bearer ${READ}` }, KEY, sessions)).toBe("adminReadKey");
  });

  it("is of no use to a page of another origin", () => {
    const cookie = cookieOf(KEY);
    for (const route of ["GET /api/overview", "POST /api/drain"]) {
      expect(refused(route, { cookie })).toBe(403);
      expect(refused(route, { cookie, "sec-fetch-site": "cross-site" })).toBe(403);
      expect(refused(route, { cookie, "sec-fetch-site": "same-site" })).toBe(403);
      expect(refused(route, { cookie, "sec-fetch-site": "same-origin" })).toBeUndefined();
    }
  });

  it("does not make good a wrong key", () => {
    expect(refused("GET /metrics", { cookie: cookieOf(KEY), ...own, authorization: "Bearer wrong" })).toBe(
      401,
    );
  });

  it("cannot be made up, raised, or made longer", () => {
    const [role = "", end = "", mark = ""] = cookieOf(READ).slice("holdfast_admin=".length).split(".");
    for (const value of [
      "",
      "admin",
      `admin.${end}.${mark}`,
      `${role}.${Number(end) + 1}.${mark}`,
      `${role}.${end}.${"A".repeat(43)}`,
      `${role}.${end}`,
    ])
      expect(refused("GET /metrics", { cookie: `holdfast_admin=${value}`, ...own })).toBe(401);
  });

  it("ends after 12 hours, and with either key", async () => {
    const cookie = cookieOf(KEY);
    const reading = cookieOf(READ);
    const otherKey = new AdminSessions({ key: `${KEY}!`, readKey: READ }, clock);
    const otherReadKey = new AdminSessions({ key: KEY, readKey: `${READ}!` }, clock);
    expect([otherKey.roleOfCookie(cookie), otherKey.roleOfCookie(reading)]).toEqual([undefined, undefined]);
    expect([otherReadKey.roleOfCookie(cookie), otherReadKey.roleOfCookie(reading)]).toEqual([
      "admin",
      undefined,
    ]);
    await clock.advance(12 * 60 * 60 * 1000 - 1000);
    expect(sessions.roleOfCookie(cookie)).toBe("admin");
    await clock.advance(1000);
    expect(sessions.roleOfCookie(cookie)).toBeUndefined();
  });

  it("is kept from scripts and other sites, and over TLS from plain HTTP", () => {
    expect(sessions.signIn(KEY, true)).toMatchObject({
      role: "admin",
      cookie: expect.stringMatching(/; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/),
    });
    expect(sessions.signIn(KEY, false)).toMatchObject({ cookie: expect.not.stringContaining("Secure") });
  });

  it("is begun at most so often with wrong keys, however right the next one is", async () => {
    let refusals = 0;
    const guessed = new AdminSessions({ key: KEY }, clock, () => refusals++);
    expect([1, 2, 3].map(() => guessed.signIn("wrong", false))).toEqual(["wrong", "wrong", "too-many"]);
    expect(guessed.signIn(KEY, false)).toBe("too-many");
    expect(refusals).toBe(2);
    await clock.advance(1000);
    expect(guessed.signIn(KEY, false)).toMatchObject({ role: "admin" });
  });

  it("is begun and ended without a key in the head", () => {
    expect(refused("POST /api/login", {})).toBeUndefined();
    expect(refused("POST /api/logout", {})).toBeUndefined();
    expect(adminRefusal("POST /api/login", { "content-type": "text/plain" }, KEY, sessions)?.status).toBe(
      415,
    );
    expect(adminRefusal("GET /api/login", {}, KEY, sessions)?.status).toBe(401);
  });
});
