import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { elementTexts, memberText } from "./json-text.js";

const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const scalar = fc.oneof(
  fc.constantFrom(
    "1.50",
    "-0",
    "1e999",
    "9223372036854775807",
    "0.1000",
    "1E+2",
    "true",
    "null",
    '"\\u0061"',
  ),
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"}]"', '"\\\\"', '"\\""', '"{[,:"'),
);
const name = fc.constantFrom('"a"', '"\\u0061"', '"data"', '"d\\u0061ta"', '"__proto__"', '"}"', '""');

/** JSON as a client may write it: any white space, repeated names, numbers that no double has. */
const { value } = fc.letrec<{ value: string }>((tie) => {
  const inner = fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("value"));
  const spaced = fc.tuple(space, inner, space).map((parts) => parts.join(""));
  const member = fc.tuple(space, name, space, spaced).map(([a, key, b, each]) => `${a}${key}${b}:${each}`);
  return {
    value: fc.oneof(
      { depthSize: "small" },
      scalar,
      fc.array(spaced, { maxLength: 4 }).map((all) => `[${all.join(",")}]`),
      fc.array(member, { maxLength: 4 }).map((all) => `{${all.join(",")}}`),
    ),
  };
});

const same = (text: string, part: unknown): void => expect(JSON.parse(text)).toEqual(part);

describe("parts of a JSON text", () => {
  it("are a list's elements as they were written", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(space, value, space), { maxLength: 5 }),
        space,
        space,
        (parts, before, after) => {
          const text = `${before}[${parts.map((part) => part.join("")).join(",")}]${after}`;
          expect(elementTexts(text)).toEqual(parts.map(([, element]) => element));
        },
      ),
    );
  });

  it("are an object's members as they were written, the last of a repeated name", () => {
    const members = fc.array(fc.tuple(space, name, space, space, value, space), { maxLength: 5 });
    fc.assert(
      fc.property(members, space, (all, before) => {
        const text = `${before}{${all.map(([a, key, b, c, each, d]) => `${a}${key}${b}:${c}${each}${d}`).join(",")}}`;
        for (const wanted of ["a", "data", "__proto__", "}", "", "absent"]) {
          const last = all.filter(([, key]) => JSON.parse(key) === wanted).at(-1)?.[4];
          expect(memberText(text, wanted)).toBe(last);
        }
      }),
    );
  });

  it("agree with what JSON.parse finds", () => {
    fc.assert(
      fc.property(value, (text) => {
        const parsed: unknown = JSON.parse(text);
        if (Array.isArray(parsed))
          for (const [at, part] of elementTexts(text).entries()) same(part, parsed[at]);
        else if (typeof parsed === "object" && parsed !== null)
          for (const [key, part] of Object.entries(parsed)) same(memberText(text, key) ?? "absent", part);
      }),
    );
  });
});
