import { describe, expect, it } from "@jest/globals";
import { forwardedHeaders, MAX_FORWARDED } from "./forwarded-headers.js";

describe("the headers for the application", () => {
  it("are those that were named, where the request has them", () => {
    const headers = { cookie: "a=b", authorization: "Basic x", host: "example", "x-list": "1, 2" };
    expect(forwardedHeaders(headers, ["cookie", "x-list", "x-missing"])).toEqual({
      cookie: "a=b",
      "x-list": "1, 2",
    });
    expect(forwardedHeaders({ "set-cookie": ["a", "b"] }, ["set-cookie"])).toEqual({ "set-cookie": "a, b" });
    expect(forwardedHeaders(headers, [])).toEqual({});
  });

  it("are no more than so many characters together", () => {
    const half = "x".repeat(MAX_FORWARDED / 2);
    expect(
      forwardedHeaders({ cookie: half, authorization: half }, ["cookie", "authorization"]),
    ).toBeDefined();
    expect(
      forwardedHeaders({ cookie: half, authorization: `${half}x` }, ["cookie", "authorization"]),
    ).toBeUndefined();
    expect(forwardedHeaders({ cookie: `${half}${half}x` }, ["authorization"])).toEqual({});
  });
});
