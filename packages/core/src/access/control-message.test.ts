import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type ControlMessage, MAX_REVOCATION_MS, orderText, parseControlMessage } from "./control-message.js";

const NOW = 1_700_000_000_000;
const DEFAULTS = { now: NOW, ttlMs: 60_000 };
const SID = "AAAB0123456789abcdef";
const KEY = "0123456789abcdef";

const parse = (value: unknown) =>
  parseControlMessage(typeof value === "string" ? value : JSON.stringify(value), DEFAULTS);

describe("an order", () => {
  it.each<[object, ControlMessage]>([
    [
      { op: "disconnect", user: "42" },
      { op: "disconnect", subject: "user:42", reconnect: true, reason: undefined },
    ],
    [
      { op: "disconnect", session: SID, reconnect: false, reason: "bye", later: 1 },
      { op: "disconnect", subject: `session:${KEY}`, reconnect: false, reason: "bye" },
    ],
    [
      { op: "revoke", token: "j" },
      {
        op: "revoke",
        revocation: { subject: "token:j", at: NOW, until: NOW + 60_000 },
        stored: false,
      },
    ],
    [
      { op: "revoke", session: KEY, at: 5, until: NOW + 7, stored: true },
      { op: "revoke", revocation: { subject: `session:${KEY}`, at: 5, until: NOW + 7 }, stored: true },
    ],
    [
      { op: "subscribe", user: "a:b", channel: "news" },
      { op: "subscribe", subject: "user:a:b", channel: "news" },
    ],
    [
      { op: "unsubscribe", user: "1", channel: "news" },
      { op: "unsubscribe", subject: "user:1", channel: "news" },
    ],
  ])("%j is one", (value, order) => {
    expect(parse(value)).toEqual(order);
  });

  it.each<[unknown, string]>([
    ["", "is not JSON"],
    ["{", "is not JSON"],
    ["null", "is not an object"],
    [[], "is not an object"],
    [{}, "exactly one"],
    [{ op: "disconnect" }, "exactly one"],
    [{ op: "disconnect", user: "1", token: "2" }, "exactly one"],
    [{ op: "disconnect", user: "" }, "`user`"],
    [{ op: "disconnect", user: 7 }, "`user`"],
    [{ op: "disconnect", token: "x".repeat(256) }, "`token`"],
    [{ op: "disconnect", session: "short" }, "`session`"],
    [{ op: "disconnect", session: `${SID.slice(0, -1)}!` }, "`session`"],
    [{ op: "disconnect", user: "1", reconnect: "no" }, "`reconnect`"],
    [{ op: "disconnect", user: "1", reason: "x".repeat(256) }, "`reason`"],
    [{ op: "revoke", user: "1", until: "tomorrow" }, "`until`"],
    [{ op: "revoke", user: "1", until: NOW + MAX_REVOCATION_MS + 1 }, "`until`"],
    [{ op: "revoke", user: "1", at: -1 }, "`at`"],
    [{ op: "subscribe", user: "1" }, "`channel`"],
    [{ op: "subscribe", user: "1", channel: "a b" }, "channel"],
    [{ op: "__proto__", user: "1" }, "`op`"],
    [{ user: "1" }, "`op`"],
  ])("%j is none, and it is said why", (value, why) => {
    expect(parse(value)).toEqual({ problem: expect.stringContaining(why) });
  });

  it("never throws, and what is one comes back as it was said", () => {
    const id = fc.string({ minLength: 1, maxLength: 20 });
    const value = fc.record(
      {
        op: fc.constantFrom("disconnect", "revoke", "subscribe", "unsubscribe", "other"),
        user: fc.oneof(id, fc.anything()),
        token: id,
        session: fc.constantFrom(SID, KEY, "x"),
        channel: fc.constantFrom("news", "a b", 7),
        at: fc.nat(),
        until: fc.constantFrom(NOW + 5, "x"),
        reconnect: fc.boolean(),
        reason: fc.string(),
      },
      { requiredKeys: ["op"] },
    );
    fc.assert(
      fc.property(fc.oneof(value, fc.anything(), fc.string()), (any) => {
        const order = parseControlMessage(
          typeof any === "string" ? any : (JSON.stringify(any) ?? ""),
          DEFAULTS,
        );
        if (!("problem" in order)) expect(parseControlMessage(orderText(order), DEFAULTS)).toEqual(order);
      }),
    );
  });
});
