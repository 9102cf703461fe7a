import { codecs } from "@holdfast/core";
import { channelProblem, errors, SUBPROTOCOL } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { RequestHead } from "../../http/incoming-head.js";
import { originCheck } from "../../http/origin.js";
import { decideUpgrade, refusalFor } from "./upgrade.js";

const policy = { mayComeFrom: originCheck(undefined), maxChannels: 3, tokenInUrl: false };

function request(url = "/ws", headers: Record<string, string> = {}, method = "GET"): RequestHead {
  return {
    method,
    url,
    headers: {
      host: "example.com",
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  };
}

describe("an upgrade request is accepted", () => {
  it.each([
    ["/ws", { codec: codecs.lines, channels: undefined, sid: undefined }],
    ["/ws?", { codec: codecs.lines, channels: undefined, sid: undefined }],
    ["/ws?channels=news", { codec: codecs.objects, channels: ["news"], sid: undefined }],
    ["/ws?channels=", { codec: codecs.objects, channels: [], sid: undefined }],
    ["/ws?channels=a,b,a", { codec: codecs.objects, channels: ["a", "b"], sid: undefined }],
    ["/ws?channels=a&channels=b", { codec: codecs.objects, channels: ["a", "b"], sid: undefined }],
    [
      "/ws?channels=a%2Cb,room:%C3%BC",
      { codec: codecs.objects, channels: ["a,b", "room:ü"], sid: undefined },
    ],
    ["/ws?channels=a+b", { codec: codecs.objects, channels: ["a+b"], sid: undefined }],
    ["/ws?channels=a&format=json", { codec: codecs.objects, channels: ["a"], sid: undefined }],
    ["/ws?format=msgpack&channels=a", { codec: codecs.pack, channels: ["a"], sid: undefined }],
    ["/ws?format=raw&channels=a", { codec: codecs.raw, channels: ["a"], sid: undefined }],
    ["/ws?format=json", { codec: codecs.lines, channels: undefined, sid: undefined }],
    ["/ws?utm_source=x&&=&x", { codec: codecs.lines, channels: undefined, sid: undefined }],
    [
      "/ws?sid=AAAABBBBCCCCDDDDEEEE",
      { codec: codecs.lines, channels: undefined, sid: "AAAABBBBCCCCDDDDEEEE" },
    ],
    ["/ws?sid=short", { codec: codecs.lines, channels: undefined, sid: undefined }],
  ])("%s", (url, expected) => {
    expect(decideUpgrade(request(url), policy)).toEqual({
      kind: "accept",
      subprotocol: undefined,
      ...expected,
    });
  });

  it.each([
    ["no subprotocol", {}],
    ["ours", { "sec-websocket-protocol": SUBPROTOCOL }],
    ["ours among others", { "sec-websocket-protocol": `mqtt ,\t${SUBPROTOCOL}, x` }],
    ["an empty body", { "content-length": "0" }],
    ["any case of the upgrade token", { upgrade: "WebSocket" }],
    ["its own page", { origin: "https://example.com" }],
    ["its own page on its own port", { origin: "http://example.com:8080", host: "Example.com:8080" }],
  ])("with %s", (_what, headers) => {
    const isOffered = "sec-websocket-protocol" in headers;
    const subprotocol = isOffered ? SUBPROTOCOL : undefined;
    expect(decideUpgrade(request("/ws", headers), policy)).toMatchObject({ kind: "accept", subprotocol });
  });
});

describe("a token in a request", () => {
  const open = { ...policy, tokenInUrl: true };
  const tokenOf = (head: RequestHead, rules = policy): unknown => {
    const decision = decideUpgrade(head, rules);
    return decision.kind === "accept" ? decision.token : decision.error.name;
  };

  it.each([
    ["the header's", request("/ws", { authorization: "Bearer a.b.c" }), "a.b.c"],
    ["the header's, however it is written", request("/ws", { authorization: "bearer   a.b.c " }), "a.b.c"],
    [
      "none of another scheme, which a proxy may have used",
      request("/ws", { authorization: "Basic eDp5" }),
      undefined,
    ],
    ["none of nothing", request("/ws", { authorization: "Bearer " }), undefined],
    ["none of two", request("/ws", { authorization: "Bearer a b" }), undefined],
  ])("is %s", (_what, head, expected) => expect(tokenOf(head)).toBe(expected));

  it("is taken from the URL where that is allowed, and the header's goes first", () => {
    expect(tokenOf(request("/ws?token=a.b.c"))).toBe("bad_request");
    expect(tokenOf(request("/ws?token=a.b.c"), open)).toBe("a.b.c");
    expect(tokenOf(request("/ws?token=url", { authorization: "Bearer head" }), open)).toBe("head");
  });

  it.each([
    [errors.unauthorized, 401],
    [errors.badToken, 401],
    [{ ...errors.tokenExpired, message: "Another sentence." }, 401],
    [errors.tokenRevoked, 401],
    [errors.forbidden, 403],
    [errors.unavailable, 503],
  ])("that is refused with %j gets its status", (error, status) => {
    const refusal = refusalFor(error, 0);
    expect(refusal.status).toBe(status);
    expect(refusal.headers["WWW-Authenticate"]).toBe(status === 401 ? "Bearer" : undefined);
  });
});

describe("where the application is asked who connects, an upgrade request", () => {
  const asking = { ...policy, forwarded: ["cookie"] };

  it("brings the headers that it is shown, and no others", () => {
    const head = request("/ws", { cookie: "a=b", authorization: "Bearer x" });
    expect(decideUpgrade(head, asking)).toMatchObject({ kind: "accept", forwarded: { cookie: "a=b" } });
    expect(decideUpgrade(request("/ws"), asking)).toMatchObject({ kind: "accept", forwarded: {} });
  });

  it("is refused where they are too large to be kept", () => {
    const head = request("/ws", { cookie: "x".repeat(10_000) });
    expect(decideUpgrade(head, asking)).toMatchObject({ kind: "refuse", status: 431 });
    expect(decideUpgrade(head, policy)).toMatchObject({ kind: "accept" });
  });
});

describe("an upgrade request is refused", () => {
  it.each<[string, RequestHead, number, string]>([
    ["another path", request("/socket"), 404, "not_found"],
    ["a path below", request("/ws/"), 404, "not_found"],
    ["another method", request("/ws", {}, "POST"), 405, "method_not_allowed"],
    ["another protocol", request("/ws", { upgrade: "h2c" }), 426, "upgrade_required"],
    ["a body", request("/ws", { "content-length": "5" }), 400, "bad_request"],
    ["a chunked body", request("/ws", { "transfer-encoding": "chunked" }), 400, "bad_request"],
    ["an old version", request("/ws", { "sec-websocket-version": "8" }), 426, "upgrade_required"],
    ["a broken key", request("/ws", { "sec-websocket-key": "abc" }), 400, "bad_request"],
    ["an unknown subprotocol", request("/ws", { "sec-websocket-protocol": "mqtt" }), 400, "bad_request"],
    ["an empty subprotocol", request("/ws", { "sec-websocket-protocol": "" }), 400, "bad_request"],
    [
      "a repeated subprotocol",
      request("/ws", { "sec-websocket-protocol": `${SUBPROTOCOL},${SUBPROTOCOL}` }),
      400,
      "bad_request",
    ],
    ["a foreign page", request("/ws", { origin: "https://evil.example" }), 403, "forbidden"],
    ["a sandboxed page", request("/ws", { origin: "null" }), 403, "forbidden"],
    ["two origins", request("/ws", { origin: "https://example.com, https://b" }), 403, "forbidden"],
    ["an unknown format", request("/ws?channels=a&format=xml"), 400, "bad_request"],
    ["raw without channels", request("/ws?format=raw"), 400, "bad_request"],
    ["a token in the URL", request("/ws?token=x"), 400, "bad_request"],
    ["broken percent-encoding", request("/ws?channels=%E0%A4"), 400, "bad_request"],
    ["bytes outside ASCII", request("/ws?channels=\u00fc"), 400, "bad_request"],
    ["an empty channel name", request("/ws?channels=a,,b"), 400, "bad_channel"],
    ["a name that cannot be printed", request("/ws?channels=a%00"), 400, "bad_channel"],
    ["too many channels", request("/ws?channels=a,b,c,d"), 400, "limit_channels"],
  ])("for %s", (_what, head, status, name) => {
    const decision = decideUpgrade(head, policy);
    expect(decision).toMatchObject({ kind: "refuse", status, error: { name } });
    expect(decision.kind === "refuse" && decision.error.message).toMatch(/^[A-Z`].*\.$/);
  });

  it("names the version it speaks", () => {
    expect(decideUpgrade(request("/ws", { "sec-websocket-version": "12" }), policy)).toMatchObject({
      headers: { "Sec-WebSocket-Version": "13" },
    });
  });
});

describe("any request", () => {
  it("gets a decision, and only valid channels within the limit pass", () => {
    const piece = fc.constantFrom(
      "channels=",
      "format=raw",
      "sid=",
      "&",
      ",",
      "%2C",
      "%",
      "a",
      "room:1",
      "=",
    );
    const query = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(query, (text) => {
        const decision = decideUpgrade(request(`/ws?${text}`), policy);
        if (decision.kind === "refuse") return decision.status >= 400;
        const channels = decision.channels ?? [];
        return channels.length <= 3 && channels.every((name) => channelProblem(name) === undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps every list of channels that was percent-encoded name by name", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    const valid = name.filter((text) => channelProblem(text) === undefined);
    fc.assert(
      fc.property(fc.uniqueArray(valid, { minLength: 1, maxLength: 3 }), (channels) => {
        const url = `/ws?channels=${channels.map(encodeURIComponent).join(",")}`;
        expect(decideUpgrade(request(url), policy)).toMatchObject({ kind: "accept", channels });
      }),
    );
  });

  it("never throws, whatever its headers are", () => {
    const headers = fc.record(
      {
        host: fc.string(),
        origin: fc.oneof(fc.string(), fc.webUrl()),
        "sec-websocket-protocol": fc.string(),
        "content-length": fc.string(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(headers, (some) => {
        expect(["accept", "refuse"]).toContain(decideUpgrade(request("/ws", some), policy).kind);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what core does not admit", () => {
  it("waits a random while when it is temporary", () => {
    expect(refusalFor(errors.unavailable, 0)).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    expect(refusalFor(errors.unavailable, 0.999)).toMatchObject({ headers: { "Retry-After": "10" } });
  });

  it.each([
    [errors.unauthorized, 401],
    [errors.forbidden, 403],
    [errors.badChannel, 400],
    [errors.limitChannels, 400],
  ])("is refused for good otherwise", (error, status) => {
    expect(refusalFor(error, 0)).toMatchObject({ status, error, headers: {} });
  });
});
