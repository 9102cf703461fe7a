import { describe, expect, it } from "@jest/globals";
import { AdminPages } from "./pages.js";

const pages = new AdminPages({
  "/": { contentType: "text/html; charset=utf-8", body: "<p>" },
  "/a.js": { contentType: "text/javascript; charset=utf-8", body: Buffer.from("1") },
});

describe("the pages of the admin port", () => {
  it("are served with a policy that lets nothing in from elsewhere", () => {
    const answer = pages.answer("GET /", {});
    expect(answer).toMatchObject({ status: 200, body: "<p>" });
    expect(answer?.headers["Content-Security-Policy"]).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(answer?.headers["Content-Security-Policy"]).not.toContain("unsafe");
  });

  it("are not sent again to a browser that has them", () => {
    const tag = pages.answer("GET /a.js", {})?.headers.ETag ?? "";
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`])
      expect(pages.answer("GET /a.js", { "if-none-match": known })).toMatchObject({
        status: 304,
        body: undefined,
      });
    expect(
      pages.answer("GET /a.js", { "if-none-match": pages.answer("GET /", {})?.headers.ETag })?.status,
    ).toBe(200);
  });

  it("are only those", () => {
    for (const route of ["POST /", "GET /b.js", "GET /__proto__"])
      expect(pages.answer(route, {})).toBeUndefined();
  });
});
