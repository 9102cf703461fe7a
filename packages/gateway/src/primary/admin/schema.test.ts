import { schemaProblem } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ENDPOINTS } from "./api.js";
import { either, flag, integer, list, object, oneOf, optional, orNull, type Schema, text } from "./schema.js";

const SHAPE = object(
  {
    a: text({ max: 3 }),
    b: optional(integer(1, 5)),
    c: optional(list(either(flag(), oneOf(["x", "y"])), 1, 2)),
    d: optional(orNull(object({}))),
    e: optional(text({ min: 0, max: 1 })),
  },
  { exactlyOne: ["b", "c"] },
);

const values = fc.oneof(
  fc.anything(),
  fc.record({ a: fc.string({ maxLength: 3 }), b: fc.integer({ min: 0, max: 6 }) }),
  fc.record(
    {
      a: fc.oneof(fc.string({ maxLength: 5 }), fc.constant("😀😀😀"), fc.integer()),
      b: fc.oneof(fc.integer({ min: -1, max: 7 }), fc.constant(1.5), fc.constant("1")),
      c: fc.array(fc.constantFrom(true, "x", "z", null), { maxLength: 3 }),
      d: fc.constantFrom(null, {}, { f: 1 }, []),
      e: fc.constantFrom("", "e", "ee"),
      f: fc.constant(1),
    },
    { requiredKeys: [] },
  ),
);

describe("a schema", () => {
  it("finds a problem exactly where its JSON Schema does not take the value", () => {
    let right = 0;
    fc.assert(
      fc.property(values, (value) => {
        const problem = SHAPE.problem(value, "the body");
        expect(problem === undefined).toBe(schemaProblem(SHAPE.json, value) === undefined);
        if (problem === undefined) right++;
        else expect(problem).toMatch(/^[A-Z`].*\.$/s);
      }),
      { numRuns: 3000 },
    );
    expect(right).toBeGreaterThan(10);
  });

  it.each(
    ENDPOINTS.flatMap(({ path, body, query }) =>
      [body, query].flatMap((each) => (each ? [[path, each] as const] : [])),
    ),
  )("of %s never takes what its JSON Schema does not", (_path, schema: Schema<unknown>) => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        if (schema.problem(value, "the body") === undefined)
          expect(schemaProblem(schema.json, value)).toBeUndefined();
      }),
    );
  });
});
