import { once } from "node:events";
import { connect } from "node:net";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import { Exchanges } from "../../http/exchanges.js";
import { presentedKey } from "./access.js";
import { ENDPOINTS } from "./api.js";
import { AdminAudit } from "./audit.js";
import { routeOf } from "./endpoint.js";
import { type AdminHandler, AdminServer } from "./server.js";

const KEY = "a-key-that-no-line-shows";
const SECRET = "data-that-no-line-shows";
const SID = "AAAB0123456789abcdef";

/** By route: a body, and what the audit log says of it. A new endpoint that changes something needs a row. */
const REQUESTS: Readonly<Record<string, readonly [body: object, of: object]>> = {
  "POST /api/publish": [
    { channel: "news", data: SECRET, key: "order-17" },
    { channel: "news", key: "order-17" },
  ],
  "POST /api/batch": [{ publications: [{ channel: "news", data: SECRET }] }, { publications: 1 }],
  "POST /api/message": [{ user: "ann", data: { text: SECRET } }, { user: "ann" }],
  "POST /api/broadcast": [{ data: SECRET }, {}],
  "POST /api/disconnect": [
    { user: "ann", reason: "logged out", reconnect: false },
    { user: "ann", reason: "logged out", reconnect: false },
  ],
  "POST /api/revoke": [
    { token: "jti-7", until: 1_800_000_000_000 },
    { token: "jti-7", until: 1_800_000_000_000 },
  ],
  "POST /api/subscribe": [
    { session: SID, channel: "room:7" },
    { session: SID, channel: "room:7" },
  ],
  "POST /api/unsubscribe": [
    { user: "ann", channel: "room:7" },
    { user: "ann", channel: "room:7" },
  ],
  "POST /api/drain": [{}, {}],
  "POST /api/rebalance": [{}, {}],
  "POST /api/reload": [{}, {}],
  "POST /api/login": [{ key: KEY }, {}],
  "POST /api/logout": [{}, {}],
};

let servers: AdminServer[] = [];
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
});

const done: AdminHandler = () => ({ status: 200, body: {} });

async function setUp(answer: AdminHandler = done, hasKey = true) {
  const key = hasKey ? KEY : undefined;
  const clock = new FakeClock();
  const actions = new RecordingLogger();
  const others = new RecordingLogger();
  const audit = new AdminAudit(ENDPOINTS, { actions, others }, (headers) => presentedKey(headers, key));
  const routes = Object.fromEntries(ENDPOINTS.map((each) => [routeOf(each), answer]));
  const server = new AdminServer(
    { host: "127.0.0.1", port: 0, key, maxConnections: 6 },
    routes,
    10_000,
    new RecordingLogger(),
    new Exchanges(clock, 3_000, () => {}),
    () => {},
    clock,
    { audit },
  );
  servers.push(server);
  const url = `http://127.0.0.1:${await server.listen()}`;
  const lines = () => [...actions.lines, ...others.lines];
  return { actions, others, lines, url };
}

async function post(url: string, route: string, body: unknown, key = KEY): Promise<void> {
  const [method = "", path = ""] = route.split(" ");
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}`, Connection: "close" };
  const response = await fetch(url + path, {
    method,
    headers,
    ...(method === "POST" && { body: JSON.stringify(body) }),
  });
  await response.text();
}

/** Lines are written when the answer has been sent, which its reader may see a moment before. */
async function settled(lines: () => readonly unknown[], count: number): Promise<void> {
  for (let turn = 0; turn < 1000 && lines().length < count; turn++)
    await new Promise((resolve) => setImmediate(resolve));
}

const changing = ENDPOINTS.filter(({ method }) => method !== "GET").map(routeOf);

describe("the audit log", () => {
  it("knows every endpoint that changes something, and no other", () => {
    expect(ENDPOINTS.filter(({ audit }) => audit !== undefined).map(routeOf)).toEqual(changing);
    expect(Object.keys(REQUESTS).sort()).toEqual([...changing].sort());
  });

  it.each(changing)("says what %s did, by which key, from where, and shows no data", async (route) => {
    const { actions, others, lines, url } = await setUp();
    const [body, of] = REQUESTS[route] ?? [{}, {}];
    await post(url, route, body);
    await settled(lines, 1);
    const isAction = ENDPOINTS.find((each) => routeOf(each) === route)?.audit?.of === "action";
    expect((isAction ? actions : others).lines).toEqual([
      {
        level: isAction ? "info" : "debug",
        message: isAction ? "admin action" : "published by the admin API",
        fields: {
          audit: true,
          action: route,
          of,
          key: "adminKey",
          address: "127.0.0.1",
          outcome: "done",
          status: 200,
        },
      },
    ]);
    expect(lines().length).toBe(1);
    expect(JSON.stringify(lines())).not.toMatch(new RegExp(`${KEY}|${SECRET}`));
  });

  it("says nothing of endpoints that only read", async () => {
    const { lines, url } = await setUp();
    for (const each of ENDPOINTS.filter(({ method }) => method === "GET")) await post(url, routeOf(each), {});
    await post(url, "POST /api/drain", {});
    await settled(lines, 1);
    expect(lines().length).toBe(1);
  });

  it("warns of what was refused, without the wrong key and without the body", async () => {
    const { actions, others, url } = await setUp();
    await post(url, "POST /api/revoke", { user: SECRET }, "another-key-of-somebody");
    await settled(() => others.lines, 1);
    expect(actions.lines).toEqual([]);
    expect(others.lines).toMatchObject([
      {
        level: "warn",
        fields: { action: "POST /api/revoke", key: "wrong", outcome: "refused", status: 401 },
      },
    ]);
    expect(JSON.stringify(others.lines)).not.toMatch(/another-key|data-that/);
  });

  it("says that an action failed, and that there is no key", async () => {
    const { actions, url } = await setUp(() => ({ status: 503, body: {} }), false);
    await post(url, "POST /api/disconnect", { user: "ann" });
    await settled(() => actions.lines, 1);
    expect(actions.lines).toMatchObject([{ fields: { key: "none", outcome: "failed", status: 503 } }]);
  });

  it("says that a peer left without the answer: the action may have been carried out", async () => {
    let tell = (): void => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const { actions, url } = await setUp(() => {
      tell();
      return new Promise(() => {});
    });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    const head = `POST /api/drain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
    await asked;
    const gone = once(socket, "close");
    socket.destroy();
    await gone;
    await settled(() => actions.lines, 1);
    expect(actions.lines).toMatchObject([{ fields: { outcome: "unanswered", status: undefined } }]);
  });

  it("shortens what is long", async () => {
    const { actions, url } = await setUp();
    await post(url, "POST /api/disconnect", { user: "u".repeat(5_000) });
    await settled(() => actions.lines, 1);
    expect(actions.lines).toMatchObject([{ fields: { of: { user: "u".repeat(256) } } }]);
  });
});
