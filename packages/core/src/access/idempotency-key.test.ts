import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { backendKey, clientKey, entryKey } from "./idempotency-key.js";

/** Few characters, so that what could be confused comes up. */
const piece = fc.string({
  unit: fc.constantFrom("a", "1", ":", "u", "\\", "\ud83d", "\udc00"),
  minLength: 1,
  maxLength: 6,
});
/** A user's id is part of a channel's name, an entry's id is Redis's own: both without half surrogates. */
const plain = fc.string({ unit: fc.constantFrom("a", "1", ":", "u"), minLength: 1, maxLength: 6 });
const SESSION = "0123456789abcdef";
const given = fc.oneof(
  fc.tuple(fc.constant("user"), plain, piece),
  fc.tuple(fc.constant("session"), fc.constantFrom(SESSION, SESSION.replace("0", "9")), piece),
  fc.tuple(fc.constant("backend"), fc.constant(""), piece),
  fc.tuple(
    fc.constant("backend"),
    fc.constant(""),
    piece.map((key) => `user:1:a:${key}`),
  ),
  fc.tuple(fc.constant("entry"), fc.constant(""), plain),
);

/** As Redis has it. */
const bytes = (name: string): string => Buffer.from(name).toString();

function nameOf([kind, who, key]: readonly [string, string, string]): string {
  if (kind === "backend") return backendKey(key);
  if (kind === "entry") return entryKey(key);
  return kind === "user" ? clientKey({ user: who }, SESSION, key) : clientKey({}, who, key);
}

describe("the name of an idempotency key", () => {
  it("is the same only for the same key of the same giver", () => {
    fc.assert(
      fc.property(
        given,
        given,
        (a, b) => (bytes(nameOf(a)) === bytes(nameOf(b))) === (JSON.stringify(a) === JSON.stringify(b)),
      ),
      { numRuns: 2000 },
    );
  });

  it("is another one for each half of a surrogate pair, also as bytes", () => {
    const names = ["\ud83d", "\ud83e", "\udc00", "\ufffd", "\\ud83d"].map((key) => bytes(backendKey(key)));
    expect(new Set(names).size).toBe(5);
    expect(backendKey("7b0c-\u00e9")).toBe("backend:7b0c-\u00e9");
  });

  it("is a user's own on every session, and an anonymous session's own", () => {
    expect(clientKey({ user: "ada" }, "s1", "k")).toBe(clientKey({ user: "ada" }, "s2", "k"));
    expect(clientKey({}, "s1", "k")).not.toBe(clientKey({}, "s2", "k"));
  });
});
