import { describe, expect, it } from "@jest/globals";
import { originProblem } from "./origins.js";

describe("an origin of the setting `origins`", () => {
  it.each([
    "*",
    "null",
    "https://app.example",
    "https://app.example/",
    "http://localhost:3000",
    "http://[::1]:3000",
    "capacitor://localhost",
    "https://*.example.com",
    "https://*.a.example.com:8443",
    "http://*.localhost:3000",
  ])("may be %s", (text) => {
    expect(originProblem(text)).toBeUndefined();
  });

  it.each([
    ["*.example.com", 'must begin with a scheme, as in https://*.example.com, not "*.example.com"'],
    ["app.example.com", "must begin with a scheme, as in https://app.example.com, not"],
    ["localhost:3000", "must begin with a scheme, as in https://localhost:3000, not"],
    ["https://*", "must have its * in front of a domain, as in https://*.example.com"],
    ["https://*.com", "must have its * in front of a domain"],
    ["https://*example.com", "must have its * in front of a domain"],
    ["https://a.*.com", "must have its * in front of a domain"],
    ["https://*.*.example.com", "must have its * in front of a domain"],
    ["https://*.example.com/path", "must have its * in front of a domain"],
    ["https://app.example/path", "must be an origin such as https://app.example"],
    ["https://user@app.example", "must be an origin such as https://app.example"],
    ["", "must be an origin such as https://app.example"],
  ])("is refused as %j with what to write", (text, message) => {
    expect(originProblem(text)).toContain(message);
  });
});
