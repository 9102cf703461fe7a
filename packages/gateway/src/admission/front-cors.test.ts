import { describe, expect, it } from "@jest/globals";
import { originCheck } from "../http/origin.js";
import { frontAnswer } from "./front-answers.js";
import { frontCorsLines } from "./front-cors.js";

const listed = originCheck(["https://shop.example"]);
const head = (...lines: string[]): string =>
  ["POST /poll HTTP/1.1", "Host: ws.example", ...lines, "", ""].join("\r\n");

describe("the front door's headers for pages", () => {
  it("let a listed page read Retry-After", () => {
    const lines = frontCorsLines(head("origin:  https://shop.example "), listed);
    const [answer = ""] = frontAnswer("limit_connections", 0, "", lines).split("\r\n\r\n");
    expect(answer).toContain("\r\nRetry-After: 1\r\n");
    expect(answer).toContain("\r\nAccess-Control-Allow-Origin: https://shop.example\r\n");
    expect(answer).toContain("\r\nAccess-Control-Allow-Credentials: true\r\n");
    expect(answer).toContain("\r\nAccess-Control-Expose-Headers: Retry-After\r\n");
    expect(answer).toContain("\r\nVary: Origin");
  });

  it.each([
    ["a page that is not listed", head("Origin: https://other.example")],
    ["a client that is no page", head()],
    ["an origin in the body", `${head()}Origin: https://shop.example\r\n`],
    ["an origin in another header", head("X-Origin: https://shop.example")],
    ["nothing", ""],
  ])("are left out for %s", (_what, text) => {
    expect(frontCorsLines(text, listed)).toBe("");
  });

  it("know the page's own host where no origins are set", () => {
    expect(frontCorsLines(head("Origin: https://ws.example"), originCheck(undefined))).toContain(
      "ws.example",
    );
    expect(frontCorsLines(head("Origin: https://shop.example"), originCheck(undefined))).toBe("");
  });
});
