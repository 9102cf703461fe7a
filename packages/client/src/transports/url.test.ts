import { describe, expect, it } from "@jest/globals";
import { resolveUrl, withSid } from "./url.js";

describe("resolveUrl", () => {
  it.each([
    ["ws://host/ws", undefined, "ws://host/ws"],
    ["http://host:8080/ws", undefined, "ws://host:8080/ws"],
    ["https://host/ws?tenant=a#top", undefined, "wss://host/ws?tenant=a"],
    ["/ws", "https://page.test/app/index.html", "wss://page.test/ws"],
    ["ws", "http://page.test/app/index.html", "ws://page.test/app/ws"],
    ["http://host:8080", undefined, "ws://host:8080/ws"],
    ["wss://host/realtime/?tenant=a", undefined, "wss://host/realtime/ws?tenant=a"],
    ["/", "https://page.test/app/index.html", "wss://page.test/ws"],
    ["wss://host/realtime", undefined, "wss://host/realtime"],
  ])("takes %s on the page %s", (url, page, expected) => {
    expect(resolveUrl(url, page)).toBe(expected);
  });

  it("takes a URL object", () => expect(resolveUrl(new URL("http://host/ws"))).toBe("ws://host/ws"));

  it.each([
    ["/ws", "a relative one needs a page"],
    ["ftp://host/ws", "Not a ws, wss, http or https URL"],
    ["ws://host/ws?channels=news", "use `subscribe`"],
  ])("refuses %s", (url, problem) => expect(() => resolveUrl(url)).toThrow(problem));
});

describe("withSid", () => {
  it("adds the session id to what is there, once", () => {
    const first = withSid("ws://host/ws?tenant=a", "one");
    expect(first).toBe("ws://host/ws?tenant=a&sid=one");
    expect(withSid(first, "two")).toBe("ws://host/ws?tenant=a&sid=two");
  });

  it("leaves the URL alone without a session", () => {
    expect(withSid("ws://host/ws?a=b:c", undefined)).toBe("ws://host/ws?a=b:c");
  });
});
