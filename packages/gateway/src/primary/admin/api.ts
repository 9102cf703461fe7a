/**
 * The admin API: its table of endpoints, and requests checked by it.
 *
 * Owns no state: it asks the instance. Method and path of each endpoint are a contract (docs/operations.md,
 * docs/openapi.json). Invariant: no handler sees a body or a query that its schema does not take.
 */
import { CONFIGURING } from "./configuring.js";
import { type AdminInstance, type BytesForm, type Endpoint, endpoint, ok, routeOf } from "./endpoint.js";
import { badRequest } from "./fields.js";
import { INSPECTION } from "./inspection.js";
import { openApiDocument } from "./openapi.js";
import { OPERATION } from "./operation.js";
import { ORDERING } from "./ordering.js";
import { PUBLISHING } from "./publishing.js";
import { READING } from "./reading.js";
import { object, type Schema } from "./schema.js";
import { type AdminHandler, type AdminRoutes, adminError, type BytesHandler } from "./server.js";
import { SIGNING_IN } from "./signing-in.js";
import { VIEWING } from "./viewing.js";

const OPENAPI: Endpoint = endpoint({
  method: "GET",
  path: "/api/openapi.json",
  summary: "Read this document",
  success: {
    status: 200,
    description: "OpenAPI 3.1.",
    schema: { json: { type: "object" }, form: "an object", problem: () => undefined },
  },
  handle: () => ok(openApi()),
});

export const ENDPOINTS: readonly Endpoint[] = Object.freeze([
  ...PUBLISHING,
  ...ORDERING,
  ...INSPECTION,
  ...READING,
  ...VIEWING,
  ...CONFIGURING,
  ...OPERATION,
  ...SIGNING_IN,
  OPENAPI,
]);

/** The OpenAPI document of all endpoints. */
export function openApi(): object {
  return openApiDocument(ENDPOINTS);
}

const NO_QUERY = object({});

export function adminApi(instance: AdminInstance): AdminRoutes {
  return Object.fromEntries(ENDPOINTS.map((each) => [routeOf(each), checked(each, instance)]));
}

/** The endpoints that take bytes, for requests whose body is bytes. */
export function adminBytes(instance: AdminInstance): Readonly<Record<string, BytesHandler>> {
  return Object.fromEntries(
    ENDPOINTS.flatMap((row) => {
      const { bytes } = row;
      return bytes === undefined ? [] : [[routeOf(row), checkedBytes(bytes, instance)]];
    }),
  );
}

function checkedBytes({ query: schema, handle }: BytesForm<unknown>, instance: AdminInstance): BytesHandler {
  return (body, params) => {
    const query = queryOf(params, schema);
    const problem = repeated(params) ?? schema.problem(query, "the query");
    return problem === undefined ? handle(instance, query, body) : adminError(400, badRequest, problem);
  };
}

function checked(row: Endpoint, instance: AdminInstance): AdminHandler {
  // A probe may carry anything: a load balancer's cache buster is no mistake.
  const schema = row.query ?? (row.open ? undefined : NO_QUERY);
  return (body, params, text, traceparent) => {
    const query = schema && queryOf(params, schema);
    const problem =
      repeated(params) ?? schema?.problem(query, "the query") ?? row.body?.problem(body, "the body");
    return problem === undefined
      ? row.handle(instance, body, query, text, traceparent)
      : adminError(400, badRequest, problem);
  };
}

/**
 * What a query says, by the types that its schema names. What cannot be read stays text, which the schema
 * refuses.
 */
function queryOf(params: URLSearchParams, schema: Schema<unknown>): object {
  const { properties } = schema.json as {
    readonly properties: Readonly<Record<string, { readonly type?: unknown }>>;
  };
  const read = (name: string, text: string): unknown => {
    const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
    if (type === "integer" && /^-?\d{1,16}$/.test(text)) return Number(text);
    if (type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
    return text;
  };
  // From entries, so that `__proto__` is a field like any other.
  return Object.fromEntries([...params].map(([name, text]) => [name, read(name, text)]));
}

function repeated(params: URLSearchParams): string | undefined {
  const names = [...params.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? undefined
    : `The query says ${JSON.stringify(twice.slice(0, 40))} more than once.`;
}
