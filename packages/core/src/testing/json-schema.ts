/**
 * Whether a JSON Schema takes a value: the keywords that our own documents use, and no other.
 *
 * Written for tests that hold an implementation against its document. A keyword that it does not know is an
 * error, so that no schema is taken for checked that is not.
 */

type JsonSchema = Readonly<Record<string, unknown>>;

const ANNOTATIONS: ReadonlySet<string> = new Set(["description"]);

/**
 * What is wrong, with the path to it; undefined when nothing is. `definitions`: what a `$ref` may name, by
 * its whole text.
 */
export function schemaProblem(
  schema: JsonSchema,
  value: unknown,
  definitions: Readonly<Record<string, JsonSchema>> = {},
  path = "$",
): string | undefined {
  for (const [keyword, rule] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue;
    const check = Object.hasOwn(CHECKS, keyword) ? CHECKS[keyword] : undefined;
    if (check === undefined) return `${path}: no code checks the keyword ${keyword}`;
    const problem = check({ rule, schema, value, definitions, path });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

interface Question {
  readonly rule: unknown;
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly definitions: Readonly<Record<string, JsonSchema>>;
  readonly path: string;
}

/** Each applies to values of its own type alone, as JSON Schema has it. */
const CHECKS: Readonly<Record<string, (question: Question) => string | undefined>> = {
  $ref({ rule, value, definitions, path }) {
    const target = definitions[String(rule)];
    return target === undefined ? `${path}: no such $ref` : schemaProblem(target, value, definitions, path);
  },
  type: ({ rule, value, path }) => (isType(rule, value) ? undefined : `${path}: not of type ${rule}`),
  enum: ({ rule, value, path }) =>
    (rule as readonly unknown[]).includes(value) ? undefined : `${path}: not one of ${rule}`,
  minLength: ({ rule, value, path }) =>
    typeof value !== "string" || [...value].length >= Number(rule) ? undefined : `${path}: too short`,
  maxLength: ({ rule, value, path }) =>
    typeof value !== "string" || [...value].length <= Number(rule) ? undefined : `${path}: too long`,
  minimum: ({ rule, value, path }) =>
    typeof value !== "number" || value >= Number(rule) ? undefined : `${path}: too small`,
  maximum: ({ rule, value, path }) =>
    typeof value !== "number" || value <= Number(rule) ? undefined : `${path}: too large`,
  minItems: ({ rule, value, path }) =>
    !Array.isArray(value) || value.length >= Number(rule) ? undefined : `${path}: too few`,
  maxItems: ({ rule, value, path }) =>
    !Array.isArray(value) || value.length <= Number(rule) ? undefined : `${path}: too many`,
  items({ rule, value, definitions, path }) {
    if (!Array.isArray(value)) return undefined;
    for (const [at, each] of value.entries()) {
      const problem = schemaProblem(rule as JsonSchema, each, definitions, `${path}[${at}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  required({ rule, value, path }) {
    if (!isObject(value)) return undefined;
    const missing = (rule as readonly string[]).find((name) => !Object.hasOwn(value, name));
    return missing === undefined ? undefined : `${path}.${missing}: missing`;
  },
  properties({ rule, value, definitions, path }) {
    if (!isObject(value)) return undefined;
    for (const [name, each] of Object.entries(rule as Readonly<Record<string, JsonSchema>>)) {
      if (!Object.hasOwn(value, name)) continue;
      const problem = schemaProblem(each, value[name], definitions, `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  additionalProperties({ rule, schema, value, path }) {
    if (!isObject(value) || rule !== false) return undefined;
    const known = schema.properties as object;
    const extra = Object.keys(value).find((name) => !Object.hasOwn(known, name));
    return extra === undefined ? undefined : `${path}.${extra}: not known`;
  },
  anyOf: ({ rule, value, definitions, path }) =>
    (rule as readonly JsonSchema[]).some((each) => schemaProblem(each, value, definitions) === undefined)
      ? undefined
      : `${path}: none of anyOf`,
  oneOf({ rule, value, definitions, path }) {
    const fitting = (rule as readonly JsonSchema[]).filter(
      (each) => schemaProblem(each, value, definitions) === undefined,
    );
    return fitting.length === 1 ? undefined : `${path}: ${fitting.length} of oneOf`;
  },
};

function isType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "object":
      return isObject(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
