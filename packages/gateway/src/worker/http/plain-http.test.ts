import { describe, expect, it } from "@jest/globals";
import { PlainHttp } from "./plain-http.js";

const plain = new PlainHttp({ "/": { contentType: "text/html; charset=utf-8", body: "<h1>hello</h1>" } });
const get = (url: string, headers: Record<string, string> = {}) =>
  plain.answer({ method: "GET", url, headers }, "ok");

describe("plain HTTP", () => {
  it("is healthy while open and says so while draining", () => {
    expect(get("/healthz?probe=1")).toMatchObject({ status: 200, body: "ok" });
    const draining = plain.answer({ method: "GET", url: "/healthz", headers: {} }, "leaving");
    expect(draining).toMatchObject({ status: 503, body: "draining" });
  });

  it("serves pages with a strict policy and a tag", () => {
    const answer = get("/");
    expect(answer).toMatchObject({
      status: 200,
      body: Buffer.from("<h1>hello</h1>"),
      headers: { "Content-Type": "text/html; charset=utf-8" },
    });
    expect(answer.headers["Content-Security-Policy"]).toContain("script-src 'self'");
    expect(answer.headers.ETag).toMatch(/^"[\w-]{22}"$/);
  });

  it("lets pages of any origin import what says so, and nothing else", () => {
    const script = { contentType: "text/javascript", body: "export {}", anyOrigin: true };
    const sdk = new PlainHttp({ "/sdk.js": script });
    const answer = sdk.answer({ method: "GET", url: "/sdk.js", headers: {} }, "ok");
    expect(answer.headers["Access-Control-Allow-Origin"]).toBe("*");
    expect(get("/").headers).not.toHaveProperty("Access-Control-Allow-Origin");
  });

  it.each([(tag: string) => tag, (tag: string) => `"other", W/${tag}`, () => "*"])(
    "answers 304 to whoever has the page",
    (header) => {
      const tag = get("/").headers.ETag ?? "";
      expect(get("/", { "if-none-match": header(tag) })).toMatchObject({ status: 304, body: undefined });
    },
  );

  it("sends the page again to a browser with another version", () => {
    expect(get("/", { "if-none-match": '"old"' }).status).toBe(200);
  });

  it.each([
    ["GET", "/nowhere", 404, "not_found"],
    ["GET", "/__proto__", 404, "not_found"],
    ["POST", "/", 405, "method_not_allowed"],
    ["DELETE", "/healthz", 405, "method_not_allowed"],
    ["GET", "/ws?channels=a", 426, "upgrade_required"],
  ])("answers %s %s with %i and a sentence", (method, url, status, name) => {
    const answer = plain.answer({ method, url, headers: {} }, "ok");
    expect(answer.status).toBe(status);
    expect(JSON.parse(String(answer.body))).toEqual({
      error: { code: status, name, message: expect.stringMatching(/\.$/) },
    });
  });

  it.each([
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "br"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["*", "br"],
    ["*;q=0", undefined],
    [", GZIP ;q=0.1,,", "gzip"],
    ["br;q=nonsense", undefined],
  ])("gives a client that accepts %p the coding %p", async (accepted, coding) => {
    const pages = new PlainHttp({ "/": { contentType: "text/html", body: "tea ".repeat(500) } });
    const headers = accepted === undefined ? {} : { "accept-encoding": accepted };
    await pages.compressed("/");
    const answer = pages.answer({ method: "GET", url: "/", headers }, "ok");
    expect(answer.headers["Content-Encoding"]).toBe(coding);
    expect(answer.headers.Vary).toBe("Accept-Encoding");
  });

  it("gives a page as it is until it is compressed, and compresses none before it is asked for", async () => {
    const body = "tea ".repeat(500);
    const page = { contentType: "text/html", body };
    const pages = new PlainHttp({ "/": page, "/other": page });
    const ask = () => pages.answer({ method: "GET", url: "/", headers: { "accept-encoding": "gzip" } }, "ok");
    expect(ask()).toMatchObject({ body: Buffer.from(body), headers: { Vary: "Accept-Encoding" } });
    const before = performance.now();
    while (ask().headers["Content-Encoding"] !== "gzip" && performance.now() < before + 10_000)
      await new Promise(setImmediate);
    expect(ask().headers["Content-Encoding"]).toBe("gzip");
    await pages.compressed("/nowhere");
  });
});
