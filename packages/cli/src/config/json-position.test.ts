import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { findJsonOffence } from "./json-position.js";

describe("where text stops being JSON", () => {
  it.each([
    ['{"a": 1', 1, 8, "expected , or }, found the end of the file"],
    ['{\n  "port": 8080,\n}', 3, 1, 'expected a "key", found }'],
    ["{\n  port: 8080\n}", 2, 3, 'expected a "key", found p'],
    ['{"a": 1} x', 1, 10, "expected the end of the file, found x"],
    ['{"a" 1}', 1, 6, "expected :, found 1"],
    ["[1 2]", 1, 4, "expected , or ], found 2"],
    ['{"a": tru}', 1, 7, "expected a value, found t"],
    ['{"a": "b\n"}', 1, 7, "a string that does not end on its line, or has a wrong escape"],
    ["", 1, 1, "expected a value, found the end of the file"],
    ["[".repeat(200), 1, 102, "too deeply nested"],
  ])("%j", (text, line, column, what) => {
    expect(findJsonOffence(text)).toEqual({ line, column, what });
  });

  it("finds nothing in JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => !findJsonOffence(JSON.stringify(value, null, 1))),
    );
  });

  it("finds something exactly where JSON.parse does, for any text", () => {
    const nearJson = fc.tuple(fc.json(), fc.nat(40), fc.string({ maxLength: 3 })).map(([json, at, extra]) => {
      return json.slice(0, at) + extra + json.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(nearJson, fc.string()), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(findJsonOffence(text) === undefined).toBe(valid);
      }),
      { numRuns: 500 },
    );
  });
});
