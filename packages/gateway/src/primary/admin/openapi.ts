/**
 * The OpenAPI document of the admin API, made from the table of endpoints. docs/openapi.json is a copy (`npm
 * run docs`).
 */
import type { Endpoint } from "./endpoint.js";
import { refusal } from "./fields.js";
import type { JsonSchema, Schema } from "./schema.js";

/**
 * The version of the API: the second number rises with what is added, the first with what no longer works.
 */
const VERSION = "1.1";

const OCTETS = "application/octet-stream";
const SECURITY = "adminKey";
const REFUSAL = { $ref: "#/components/schemas/Refusal" };

/** What any request may be refused with. */
const ALWAYS: Readonly<Record<number, string>> = {
  401: "The admin key is missing or wrong.",
  403: "Without an admin key only localhost is answered.",
};
const WITH_INPUT: Readonly<Record<number, string>> = {
  400: "Something in the request is wrong; the message says what.",
};
const WITH_BODY: Readonly<Record<number, string>> = {
  413: "The body is too large.",
  415: "The body is not `application/json`.",
};

export function openApiDocument(endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const each of endpoints) {
    paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: operation(each) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast admin API",
      version: VERSION,
      description: "On the admin port of each instance. docs/operations.md says how to use it.",
    },
    servers: [{ url: "http://127.0.0.1:9080" }],
    paths,
    components: {
      schemas: { Refusal: refusal.json },
      securitySchemes: {
        [SECURITY]: {
          type: "http",
          scheme: "bearer",
          description: "The setting `adminKey`, where there is one.",
        },
      },
    },
  };
}

function operation(row: Endpoint): object {
  const { body, bytes, description, headers, open = false, query, refusals = {}, success, summary } = row;
  const refused = {
    ...(open ? {} : ALWAYS),
    ...((body ?? query) && WITH_INPUT),
    ...(body && WITH_BODY),
    ...(bytes && { 415: `The body is neither \`application/json\` nor \`${OCTETS}\`.` }),
    ...refusals,
  };
  return {
    operationId: operationId(row),
    summary,
    ...(description && { description }),
    ...(open ? { security: [] } : { security: [{ [SECURITY]: [] }, {}] }),
    ...((query ?? bytes ?? headers) && {
      parameters: [
        ...(query ? parameters(query.json) : []),
        ...(bytes ? ofBytes(bytes.query.json) : []),
        ...headerParameters(headers),
      ],
    }),
    ...(body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: body.json }, ...(bytes && { [OCTETS]: {} }) },
      },
    }),
    responses: {
      [success.status]: { description: success.description, ...content(success.schema) },
      ...Object.fromEntries(
        Object.entries(refused).map(([status, why]) => [
          status,
          // Health is said in lines of text.
          {
            description: why,
            ...(open ? content(undefined) : { content: { "application/json": { schema: REFUSAL } } }),
          },
        ]),
      ),
    },
  };
}

function content(schema: Schema<unknown> | undefined): object {
  return schema === undefined
    ? { content: { "text/plain": { schema: { type: "string" } } } }
    : { content: { "application/json": { schema: schema.json } } };
}

function parameters(json: JsonSchema): object[] {
  const { properties, required = [] } = json as {
    readonly properties: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

/** Read of a body of JSON. */
function headerParameters(headers: Readonly<Record<string, string>> = {}): object[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}

/** What a body of bytes is for. A body of JSON says so itself, and comes without. */
function ofBytes(json: JsonSchema): object[] {
  return parameters(json).map((each) => ({
    ...each,
    required: false,
    description: `Of a body of \`${OCTETS}\`.`,
  }));
}

/** `POST /api/publish` → `postPublish` */
function operationId({ method, path }: Endpoint): string {
  const words = path.split(/[^a-z]+/).filter((word) => word !== "" && word !== "api" && word !== "json");
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join(
    "",
  );
}
