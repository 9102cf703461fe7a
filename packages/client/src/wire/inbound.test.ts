import type { Json } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readConnectResult, readHistory, readPush, readSubscribeAnswer } from "./inbound.js";

describe("readPush", () => {
  it("reads the pushes of the protocol", () => {
    expect(readPush("publication", { channel: "news", data: null, tags: { a: "b" } })).toEqual({
      kind: "publication",
      body: { channel: "news", data: null, tags: { a: "b" } },
    });
    const live = { channel: "news", data: 1, offset: 7, epoch: "a" };
    expect(readPush("publication", live)).toEqual({ kind: "publication", body: live });
    const gap = { channel: "news", from: 1, to: 3, epoch: "a", reason: "slow" };
    expect(readPush("gap", gap)).toEqual({ kind: "gap", body: gap });
    expect(readPush("gap", { channel: "news", reason: 1 })).toEqual({
      kind: "gap",
      body: { channel: "news", reason: 1 },
    });
    expect(readPush("message", { data: 0 })).toEqual({ kind: "message", body: { data: 0 } });
    expect(readPush("unsubscribed", { channel: "news", code: 102 })).toEqual({
      kind: "unsubscribed",
      body: { channel: "news", code: 102 },
    });
  });

  it.each<[string, Json]>([
    ["publication", { channel: 1, data: 1 }],
    ["publication", { channel: "news" }],
    ["publication", null],
    ["publication", { channel: "news", data: 1, offset: -1 }],
    ["publication", { channel: "news", data: 1, offset: "1" }],
    ["publication", { channel: "news", data: 1, offset: null }],
    ["publication", { channel: "news", data: 1, offset: 1, epoch: "" }],
    ["gap", { to: 1 }],
    ["gap", { channel: "news", to: 1.5 }],
    ["gap", { channel: "news", from: "1" }],
    ["gap", { channel: "news", epoch: 1 }],
    ["gap", 1],
    ["message", {}],
    ["unsubscribed", { channel: "news", code: "102" }],
    ["disconnect", []],
  ])("calls %s with the body %j malformed", (op, body) => {
    expect(readPush(op, body)).toEqual({ kind: "malformed" });
  });

  it("skips what it does not know, whatever its body", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(readPush("someday", body as Json)).toEqual({ kind: "unknown" });
      }),
    );
  });
});

describe("readConnectResult", () => {
  it("needs a session id only", () => {
    expect(readConnectResult({ sid: "s", ping: -1, limits: { maxPayload: "a" }, subs: [] })).toEqual({
      sid: "s",
      ping: 0,
      pongTimeout: 0,
      limits: { maxPayload: 65_536, maxChannels: 128, commandRate: 100 },
      subs: {},
    });
    expect(readConnectResult({ sid: "s", resumeToken: "t" })).toHaveProperty("resumeToken", "t");
    for (const resumeToken of [1, "", "x".repeat(4097)]) {
      expect(readConnectResult({ sid: "s", resumeToken })?.resumeToken).toBeUndefined();
    }
    expect(readConnectResult({})).toBeUndefined();
    expect(readConnectResult("sid")).toBeUndefined();
  });
});

describe("readSubscribeAnswer", () => {
  it("takes what is sound, up to the first publication that is none", () => {
    const good = [
      { offset: 1, data: null },
      { offset: 2, data: "x" },
    ];
    for (const bad of [{ offset: 3 }, { data: 1 }, { offset: "3", data: 1 }, null, 3]) {
      const publications = [...good, bad, { offset: 4, data: 1 }];
      expect(readSubscribeAnswer({ offset: 4, epoch: "a", recovered: true, publications })).toEqual({
        position: { offset: 4, epoch: "a" },
        recovered: true,
        reason: "unverifiable",
        publications: good,
      });
    }
  });

  it("proves nothing by anything else", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(readSubscribeAnswer(body)).toEqual({
          position: undefined,
          recovered: false,
          reason: "unverifiable",
          publications: [],
        });
      }),
    );
  });
});

describe("readHistory", () => {
  it("needs a position", () => {
    expect(readHistory("news", { publications: [] })).toBeUndefined();
    expect(readHistory("news", { offset: 0, epoch: "a" })).toEqual({
      offset: 0,
      epoch: "a",
      publications: [],
    });
  });
});
