import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readAnswer } from "./hook-answer.js";

describe("an application's answer", () => {
  it("is yes by `allow` alone, with what else it says", () => {
    expect(readAnswer('{"allow":true,"user":"alice"}')).toEqual({
      kind: "yes",
      fields: { allow: true, user: "alice" },
      text: '{"allow":true,"user":"alice"}',
    });
  });

  it("is no, with its reason, which is cut", () => {
    expect(readAnswer('{"allow":false}')).toEqual({ kind: "no", reason: undefined });
    expect(readAnswer('{"allow":false,"reason":"not yours"}')).toEqual({ kind: "no", reason: "not yours" });
    expect(readAnswer(JSON.stringify({ allow: false, reason: "x".repeat(300) }))).toEqual({
      kind: "no",
      reason: "x".repeat(256),
    });
  });

  it.each([
    ["", "an answer that is not JSON"],
    ["<html>", "an answer that is not JSON"],
    ['{"allow":true', "an answer that is not JSON"],
    ["[]", "an answer that is not a JSON object"],
    ["null", "an answer that is not a JSON object"],
    ["true", "an answer that is not a JSON object"],
    ["{}", "an answer without `allow`, true or false"],
    ['{"allow":"true"}', "an answer without `allow`, true or false"],
    ['{"allow":1}', "an answer without `allow`, true or false"],
    ['{"__proto__":{"allow":true}}', "an answer without `allow`, true or false"],
    ['{"allow":false,"reason":1}', "a `reason` that is not text"],
    ["[".repeat(8000), "an answer that is not JSON"],
  ])("is none: %s", (body, problem) => {
    expect(readAnswer(body)).toEqual({ kind: "none", problem });
  });

  it("never throws, and says yes to nothing but `allow: true`", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        const answer = readAnswer(body);
        if (answer.kind === "yes") expect(JSON.parse(body)).toMatchObject({ allow: true });
      }),
    );
  });
});
