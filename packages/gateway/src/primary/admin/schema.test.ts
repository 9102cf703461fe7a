import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ENDPOINTS } from "./api.js";
import { either, flag, integer, list, object, oneOf, optional, orNull, type Schema, text } from "./schema.js";

/** What the JSON Schema says of a value: written a second time, by the keywords. */
function takes(schema: Readonly<Record<string, unknown>>, value: unknown): boolean {
  const {
    type,
    properties = {},
    required = [],
    items,
    minLength = 0,
    maxLength,
    minimum,
    maximum,
  } = schema as {
    type?: string;
    properties?: Record<string, Record<string, unknown>>;
    required?: string[];
    items?: Record<string, unknown>;
    minLength?: number;
    maxLength?: number;
    minimum?: number;
    maximum?: number;
  };
  const {
    minItems = 0,
    maxItems = Infinity,
    anyOf,
    oneOf: exactly,
    enum: words,
    additionalProperties,
  } = schema as {
    minItems?: number;
    maxItems?: number;
    anyOf?: Record<string, unknown>[];
    oneOf?: Record<string, unknown>[];
    enum?: unknown[];
    additionalProperties?: boolean;
  };
  if (anyOf !== undefined && !anyOf.some((each) => takes(each, value))) return false;
  if (exactly !== undefined && exactly.filter((each) => takes(each, value)).length !== 1) return false;
  if (words !== undefined && !words.includes(value)) return false;
  switch (type) {
    case "string":
      return (
        typeof value === "string" &&
        [...value].length >= minLength &&
        [...value].length <= (maxLength ?? Infinity)
      );
    case "integer":
      return (
        Number.isInteger(value) && Number(value) >= (minimum ?? 0) && Number(value) <= (maximum ?? Infinity)
      );
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "null":
      return value === null;
    case "array":
      return (
        Array.isArray(value) &&
        value.length >= minItems &&
        value.length <= maxItems &&
        value.every((each) => takes(items ?? {}, each))
      );
    default: {
      if (type === undefined && required.length === 0) return true;
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      const names = Object.keys(value);
      return (
        required.every((name) => names.includes(name)) &&
        (additionalProperties !== false || names.every((name) => Object.hasOwn(properties, name))) &&
        Object.entries(properties).every(
          ([name, each]) => !names.includes(name) || takes(each, (value as Record<string, unknown>)[name]),
        )
      );
    }
  }
}

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
        expect(problem === undefined).toBe(takes(SHAPE.json, value));
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
        if (schema.problem(value, "the body") === undefined) expect(takes(schema.json, value)).toBe(true);
      }),
    );
  });
});
