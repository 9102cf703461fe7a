/**
 * The admin API against its own document: every documented operation is called and answers as its schema
 * says, and no request, however wrong, is the server's fault.
 */
import { request } from "node:http";
import { schemaProblem } from "@holdfast/core/testing";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Resources } from "./resources.js";
import { SECRET, tokenOf } from "./tokens.js";

jest.setTimeout(120_000);

type JsonSchema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly allow: string | undefined;
}

const NAMESPACES = JSON.stringify({
  seen: { presence: true },
  demo: { clientPublish: true, historySize: 100 },
});
const KEY = "the-key-of-the-admin-api-in-this-test";
const own = new Resources();
let gateway: GatewayProcess;
let document: OpenApi;
let definitions: Record<string, JsonSchema>;

beforeEach(async () => {
  gateway = own.add(
    await GatewayProcess.start({
      args: ["--jwt-secret", SECRET, "--admin-key", KEY],
      env: { HOLDFAST_NAMESPACES: NAMESPACES },
      until: "listening",
    }),
  );
  await gateway.ready();
  document = JSON.parse((await ask("GET", "/api/openapi.json")).text) as OpenApi;
  definitions = Object.fromEntries(
    Object.entries(document.components.schemas).map(([name, schema]) => [
      `#/components/schemas/${name}`,
      schema,
    ]),
  );
});
afterEach(() => own.close());

/** By hand: `fetch` does not send everything that is wrong. */
function ask(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  of: GatewayProcess = gateway,
): Promise<Answer> {
  const { hostname, port } = new URL(of.admin);
  return new Promise((resolve, reject) => {
    const usual = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };
    const options = { host: hostname, port, method, path, agent: false, headers: { ...usual, ...headers } };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: (response.headers["content-type"] ?? "").split(";")[0] ?? "",
          text,
          allow: response.headers.allow,
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What the document says of the answer to an operation; the problem, if it says something else. */
function undocumented(operation: Operation, { status, type, text }: Answer): string | undefined {
  const content = operation.responses[String(status)]?.content;
  if (content === undefined) return `${status} is not documented: ${text}`;
  const schema = content[type]?.schema;
  if (schema === undefined) return `${type} is not documented`;
  return schemaProblem(schema, type === "application/json" ? JSON.parse(text) : text, definitions);
}

describe("the document", () => {
  test("is the one in the repository", async () => {
    const { readFileSync } = await import("node:fs");
    expect(document).toEqual(JSON.parse(readFileSync("docs/openapi.json", "utf8")));
  });

  test("has every operation, which is called here and answers as it says", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws()));
    const token = tokenOf("ann", { jti: "jti-1", subs: ["news", "seen:1"], info: { a: 1 } });
    const { connect } = await client.command("connect", { token });
    await gateway.adminGet("/readyz");
    await ask("POST", "/api/publish", JSON.stringify({ channel: "demo:h", data: { n: 1 } }));
    const requests: readonly (readonly [operation: string, status: number, more?: string, body?: object])[] =
      [
        ["POST /api/publish", 200, "", { channel: "demo:h", data: [1], key: "k" }],
        ["POST /api/publish", 400, "", { channel: "a b", data: 1 }],
        ["POST /api/publish", 413, "", { channel: "news", data: "x".repeat(1_100_000) }],
        [
          "POST /api/batch",
          200,
          "",
          {
            publications: [
              { channel: "demo:h", data: 1 },
              { channel: "x", data: null },
            ],
          },
        ],
        ["POST /api/message", 200, "", { user: "ann", data: 1 }],
        ["POST /api/broadcast", 200, "", { data: {} }],
        ["GET /api/probe", 200, "?name=a-probe-that-is-not-there"],
        ["GET /api/probe", 400, "?name=short"],
        ["GET /api/channels", 200],
        ["GET /api/channels", 200, "?prefix=ne&limit=1"],
        ["GET /api/channels", 400, "?limit=0"],
        ["GET /api/connections", 200, "?user=ann"],
        ["GET /api/slow", 200, "?limit=5"],
        ["GET /api/overview", 200],
        ["GET /api/survey", 200],
        ["GET /api/connection", 200, "?user=ann"],
        ["GET /api/connection", 400],
        ["GET /api/delivery", 200, "?user=ann&channel=news"],
        ["GET /api/incidents", 200, "?limit=5"],
        ["GET /api/warnings", 200],
        ["GET /api/connections", 200, "?address=127.0.0.1"],
        ["GET /api/connections", 400, "?address=nowhere"],
        ["GET /api/settings", 200],
        ["GET /api/reload", 200],
        ["POST /api/reload", 202, "", {}],
        ["POST /api/reload", 400, "", { when: "now" }],
        ["GET /api/rebalance", 409],
        ["POST /api/rebalance", 409, "", {}],
        ["POST /api/login", 200, "", { key: KEY }],
        ["POST /api/logout", 200, "", {}],
        ["GET /api/presence", 200, "?channel=seen:1"],
        ["GET /api/presence", 200, "?channel=seen:1&limit=0"],
        ["GET /api/presence", 404, "?channel=news"],
        ["GET /api/history", 200, "?channel=demo:h&reverse=true&limit=2"],
        ["GET /api/history", 404, "?channel=news"],
        ["GET /api/history", 409, "?channel=demo:h&offset=99&epoch=x"],
        ["POST /api/subscribe", 200, "", { session: connect.sid, channel: "more" }],
        ["POST /api/unsubscribe", 200, "", { token: "jti-1", channel: "more" }],
        ["POST /api/disconnect", 200, "", { user: "nobody" }],
        ["POST /api/revoke", 200, "", { token: "jti-9" }],
        ["POST /api/revoke", 400, "", { token: "jti-9", until: 5 }],
        ["GET /api/openapi.json", 200],
        ["GET /livez", 200],
        ["GET /readyz", 200],
        ["GET /metrics", 200],
        ["GET /api/drain", 200],
        ["POST /api/drain", 400, "", { when: "now" }],
        ["POST /api/drain", 202, "", {}],
        ["GET /api/drain", 200],
        ["GET /readyz", 503],
      ];
    // What only instances that are joined by Redis answer.
    const redis = own.add(await RedisServer.start());
    const joined = own.add(await GatewayProcess.start({ args: ["--redis", redis.url, "--admin-key", KEY] }));
    const ofJoined: typeof requests = [
      ["GET /api/rebalance", 200],
      ["POST /api/rebalance", 202, "", {}],
    ];
    const called = new Set<string>();
    const callAll = async (rows: typeof requests, of: GatewayProcess): Promise<void> => {
      for (const [name, status, query = "", body] of rows) {
        const [method = "", path = ""] = name.split(" ");
        const operation = document.paths[path]?.[method.toLowerCase()];
        if (operation === undefined) throw new Error(`${name} is not documented`);
        const answer = await ask(method, path + query, body && JSON.stringify(body), {}, of);
        expect([name, query, answer.status, undocumented(operation, answer)]).toEqual([
          name,
          query,
          status,
          undefined,
        ]);
        const [success = ""] = Object.keys(operation.responses);
        if (String(status) === success) called.add(name);
      }
    };
    await callAll(requests, gateway);
    await callAll(ofJoined, joined);
    const documented = Object.entries(document.paths).flatMap(([path, row]) =>
      Object.keys(row).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(called).toEqual(new Set(documented));
  });
});

describe("lists", () => {
  test("tell who is connected to which channels, over all workers", async () => {
    const other = own.add(await GatewayProcess.start({ args: ["--jwt-secret", SECRET] }));
    const clients = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const client = own.add(await PlainClient.connect(other.ws()));
        await client.command("connect", { token: tokenOf(`u${n % 3}`, { subs: ["all", `c${n}`] }) });
        return client;
      }),
    );
    const list = async (path: string) =>
      JSON.parse((await other.adminGet(path)).text) as {
        channels: { channel: string; subscribers: number }[];
        connections: { session: string; user: string; channels: string[] }[];
        next?: string;
      };
    const { channels } = await list("/api/channels?limit=100");
    expect(channels).toHaveLength(13);
    expect(channels[0]).toEqual({ channel: "all", subscribers: clients.length });
    const found: string[] = [];
    for (let after = ""; ; ) {
      const page = await list(`/api/connections?user=u1&limit=3&after=${after}`);
      found.push(...page.connections.map(({ session }) => session));
      for (const { user, channels } of page.connections) expect([user, channels.length]).toEqual(["u1", 2]);
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(new Set(found).size).toBe(4);
    expect(found).toHaveLength(4);
  });
});

describe("a wrong request", () => {
  test("is refused for what it is", async () => {
    const message = async (answer: Promise<Answer>) => {
      const { status, text } = await answer;
      return [status, (JSON.parse(text) as { error: { message: string } }).error.message];
    };
    expect(await message(ask("GET", "/api/publish"))).toEqual([405, "Use POST /api/publish."]);
    expect((await ask("DELETE", "/api/drain")).allow).toBe("POST, GET, HEAD");
    expect(await message(ask("POST", "/api/publsh", "{}"))).toEqual([
      404,
      expect.stringContaining(
        "There is no /api/publsh (did you mean /api/publish?). There are: /api/publish,",
      ),
    ]);
    expect(await message(ask("POST", "/api/publish", '{"chanel":"a","data":1}'))).toEqual([
      400,
      'The body has an unknown field "chanel" (did you mean channel?). There are: channel, data, bytes, key.',
    ]);
    expect(await message(ask("POST", "/api/publish", "{}", { Authorization: "Bearer wrong" }))).toEqual([
      401,
      "Send the admin key as `Authorization: Bearer <key>`.",
    ]);
    expect((await ask("POST", "/api/publish", "{}", { "Content-Type": "text/plain" })).status).toBe(415);
  });

  test("never is the server's fault, whatever it is", async () => {
    // A correct drain ends the game, and has its own test.
    const paths = Object.keys(document.paths).filter((path) => !/drain|reload|readyz/.test(path));
    const pieces = fc.oneof(
      fc.constantFrom("/", "//", "/api", "%", "%00", "..", "?", "#", "é"),
      fc.webPath(),
    );
    const anyPath = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...paths) },
      pieces.map((piece) => `/${encodeURI(piece)}`),
    );
    const name = fc.constantFrom(
      "channel",
      "data",
      "user",
      "session",
      "token",
      "until",
      "limit",
      "after",
      "__proto__",
    );
    const value = fc.oneof(
      fc.constantFrom<unknown>("news", "a b", "", 0, -1, 1e308, null, [], {}, true, "AAAB0123456789abcdef"),
      fc.jsonValue(),
    );
    const query = fc.array(fc.tuple(name, fc.string({ maxLength: 10 })), { maxLength: 3 });
    const json = fc.oneof(
      fc.dictionary(name, value, { maxKeys: 4 }).map((body) => JSON.stringify(body)),
      fc.dictionary(name, value).map((body) => JSON.stringify({ publications: [body] })),
      fc.json(),
      fc.constantFrom(
        "",
        "{",
        "null",
        "1",
        '"x"',
        "[".repeat(100_000),
        '{"a":'.repeat(10_000),
        '{"data":1e999}',
      ),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    );
    const methods = fc.constantFrom(
      "GET",
      "POST",
      "POST",
      "POST",
      "HEAD",
      "PUT",
      "DELETE",
      "PATCH",
      "OPTIONS",
    );
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(methods, anyPath, query, json, async (method, path, params, body) => {
        const target = params.length === 0 ? path : `${path}?${new URLSearchParams(params)}`;
        const answer = await ask(method, target, method === "GET" || method === "HEAD" ? undefined : body);
        statuses.add(answer.status);
        expect(answer.status).toBeGreaterThanOrEqual(200);
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400 && method !== "HEAD") {
          const { Refusal = {} } = document.components.schemas;
          expect(schemaProblem(Refusal, JSON.parse(answer.text))).toBeUndefined();
        }
      }),
      { numRuns: 1500 },
    );
    for (const status of [200, 400, 404, 405]) expect(statuses).toContain(status);
    expect(gateway.log.filter(({ level }) => level >= 50)).toEqual([]);
    expect((await ask("GET", "/livez")).status).toBe(200);
  });
});
