import type { Json } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readConnectResult, readPush } from "./inbound.js";

describe("readPush", () => {
  it("reads the pushes of the protocol", () => {
    expect(readPush("publication", { channel: "news", data: null, tags: { a: "b" } })).toEqual({
      kind: "publication",
      publication: { channel: "news", data: null, tags: { a: "b" } },
    });
    expect(readPush("message", { data: 0 })).toEqual({ kind: "message", data: 0 });
    expect(readPush("unsubscribed", { channel: "news", code: 102 })).toEqual({
      kind: "unsubscribed",
      channel: "news",
      code: 102,
    });
  });

  it.each<[string, Json]>([
    ["publication", { channel: 1, data: 1 }],
    ["publication", { channel: "news" }],
    ["publication", null],
    ["message", {}],
    ["unsubscribed", { channel: "news", code: "102" }],
    ["disconnect", []],
  ])("calls %s with the body %j malformed", (op, body) => {
    expect(readPush(op, body)).toEqual({ kind: "malformed" });
  });

  it("skips what it does not know, whatever its body", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(readPush("join", body as Json)).toEqual({ kind: "unknown" });
      }),
    );
  });
});

describe("readConnectResult", () => {
  it("needs a session id only", () => {
    expect(readConnectResult({ sid: "s", ping: -1, limits: { maxPayload: "a" }, subs: [] })).toEqual({
      sid: "s",
      resumed: false,
      ping: 0,
      pongTimeout: 0,
      serverTime: 0,
      limits: { maxPayload: 65_536, maxChannels: 128, commandRate: 100 },
      subs: {},
    });
    expect(readConnectResult({})).toBeUndefined();
    expect(readConnectResult("sid")).toBeUndefined();
  });
});
