import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { maskedUrl } from "./masked-url.js";

describe("a URL that is shown", () => {
  it.each([
    ["redis://ann:hush@h1:6379/2", "redis://ann:***@h1:6379/2"],
    ["redis://hush@h1:6379", "redis://***@h1:6379"],
    ["redis+cluster://:hu@sh@h1:1,h2:2", "redis+cluster://:***@h1:1,h2:2"],
    ["ann:hush@10.1.2.3:9080", "ann:***@10.1.2.3:9080"],
    ["http://ann:hu/sh@10.1.2.3:9080", "http://ann:***@10.1.2.3:9080"],
    ["https://app.example/hook?hush&b", "https://app.example/hook?***&***"],
    ["https://app.example/hook?a=1&b=hush=hush&c", "https://app.example/hook?a=***&b=***&***"],
    ["https://app.example/keys#hush", "https://app.example/keys#***"],
    ["https://app.example/keys?a=hush?hush#b=hush&c=hush", "https://app.example/keys?a=***?***#***&c=***"],
    ["https://app.example/keys?", "https://app.example/keys?"],
  ])("%s", (url, shown) => {
    expect(maskedUrl(url)).toBe(shown);
  });

  it("is itself without a login, a query and a fragment", () => {
    fc.assert(fc.property(fc.string(), (text) => /[@?#]/.test(text) || maskedUrl(text) === text));
  });

  it("has no secret, wherever it stands", () => {
    const before = fc.constantFrom(
      "redis://",
      "rediss://u:",
      "https://h/p?",
      "https://h/p?k=",
      "//h/?a&",
      "u:",
    );
    const behind = fc.constantFrom("@h:1", "@h1,h2/m", "&x=1@", "#f", "?", "/x@h", "@@h?a=b");
    fc.assert(
      fc.property(before, behind, (start, rest) => {
        // A path, or what is no URL at all, is shown as it is.
        fc.pre(/[?@]/.test(start) || rest.includes("@"));
        expect(maskedUrl(`${start}hush${rest}`)).not.toContain("hush");
      }),
    );
  });
});
