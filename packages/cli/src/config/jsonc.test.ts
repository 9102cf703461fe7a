import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseConfig } from "./file.js";
import { blankComments } from "./jsonc.js";

const parse = (text: string): unknown => parseConfig("holdfast.json", text);

describe("a configuration with comments", () => {
  it.each([
    ['{"port": 1} // at the end', { port: 1 }],
    ['// at the start\n{"port": 1}', { port: 1 }],
    ['{/* a\n * block */"port": 1}', { port: 1 }],
    ['{"port": 1,}', { port: 1 }],
    ['{"port": 1, // and a comment\n /* or two */ }', { port: 1 }],
    [
      '{"origins": ["https://a.example", "https://b.example",\n],}',
      {
        origins: ["https://a.example", "https://b.example"],
      },
    ],
    ['{"host": "// no comment, }"}', { host: "// no comment, }" }],
    ['{"host": "\\"/* none */ ,]"}', { host: '"/* none */ ,]' }],
    ['{"a": {"b": true,},}', { a: { b: true } }],
  ])("is read: %s", (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['{\n  // the port\n  "port" 1\n}', "holdfast.json:3:10 is not JSON: expected :, found 1"],
    ['{\n  /* two\n lines */ "port": 1,,\n}', 'holdfast.json:3:21 is not JSON: expected a "key", found ,'],
    ["{,}", 'holdfast.json:1:2 is not JSON: expected a "key", found ,'],
    ['{"a": [,]}', "holdfast.json:1:8 is not JSON: expected a value, found ,"],
    ['{"a": ,}', "holdfast.json:1:7 is not JSON: expected a value, found ,"],
    ['{"a": 1} /* open', "holdfast.json:1:10 is not JSON: a comment that does not end"],
    ['{"a": /* open', "holdfast.json:1:7 is not JSON: a comment that does not end"],
    ['{"a": "open\n// 1"}', "holdfast.json:1:7 is not JSON: a string that does not end on its line"],
    ["port: 8080", "holdfast.json:1:1 is not JSON: expected a value, found p"],
  ])("names the position in the file as it is: %j", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it("keeps the length and the lines of any text, and any JSON as it is", () => {
    const pieces = fc.constantFrom('"', "/", "*", "\\", ",", "]", "}", "\n", " ", "a", "[", "{");
    fc.assert(
      fc.property(
        fc.array(pieces).map((all) => all.join("")),
        (text) => {
          const blanked = blankComments(text);
          expect(blanked).toHaveLength(text.length);
          expect(blanked.split("\n").map((line) => line.length)).toEqual(
            text.split("\n").map((line) => line.length),
          );
        },
      ),
    );
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, indent) => {
        const json = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(blankComments(json)).toBe(json);
      }),
    );
  });
});
