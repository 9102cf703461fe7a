import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ANONYMOUS, systemClock } from "@holdfast/core";
import { RecordingLogger, RecordingMetrics, RecordingTracing } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { withAddress } from "../http/forwarded-headers.js";
import { Webhooks } from "./webhooks.js";

let server: Server;
let asked: { path: string | undefined; body: unknown }[];
let traceparents: (string | string[] | undefined)[];
let tracing: RecordingTracing | undefined;
let answer: string;
let hooks: Webhooks;
let logger: RecordingLogger;
let metrics: RecordingMetrics;

beforeEach(async () => {
  asked = [];
  traceparents = [];
  tracing = undefined;
  answer = '{"allow":true}';
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += String(chunk);
    });
    request.on("end", () => {
      asked.push({ path: request.url, body: JSON.parse(body) });
      traceparents.push(request.headers.traceparent);
      response.end(answer);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  logger = new RecordingLogger();
  metrics = new RecordingMetrics();
  hooks = make({ connect: "/c", subscribe: "/s", publish: "/p" });
});
afterEach(() => {
  hooks.close();
  server.close();
});

function make(paths: Record<string, string>): Webhooks {
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const urls = Object.fromEntries(Object.entries(paths).map(([type, path]) => [type, at + path]));
  const options = { urls, secret: "a secret", timeoutMs: 5000, concurrency: 4, maxWaiting: 8 };
  return new Webhooks(options, { clock: systemClock, logger, metrics, tracing });
}

const connecting = { session: "s1", token: "t", client: undefined, headers: { cookie: "a=b" } };
const of = { session: "s1", user: "alice", channel: "room:1" };

describe("webhooks", () => {
  test("ask each question at its URL, as one JSON object", async () => {
    await hooks.connect?.(connecting);
    await hooks.subscribe?.(of);
    await hooks.publish?.({ ...of, user: undefined, data: '{"n":1e3}' });
    expect(asked).toEqual([
      { path: "/c", body: { type: "connect", session: "s1", token: "t", headers: { cookie: "a=b" } } },
      { path: "/s", body: { type: "subscribe", ...of } },
      {
        path: "/p",
        body: { type: "publish", session: "s1", channel: "room:1", data: { n: 1000 } },
      },
    ]);
    expect(metrics.observed("webhook_seconds")).toHaveLength(3);
  });

  const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  test("carry the trace context of a publication as a header, and in no body", async () => {
    await hooks.publish?.({ ...of, data: "1", traceparent: TRACE });
    await hooks.publish?.({ ...of, data: "1" });
    expect(traceparents).toEqual([TRACE, undefined]);
    expect(asked.map(({ body }) => body)).toEqual(Array(2).fill({ type: "publish", ...of, data: 1 }));
  });

  test("are spans where the trace is recorded, with what the application said", async () => {
    hooks.close();
    tracing = new RecordingTracing();
    hooks = make({ publish: "/p" });
    await hooks.publish?.({ ...of, data: "1", traceparent: TRACE });
    answer = "no answer";
    await hooks.publish?.({ ...of, data: "1", traceparent: TRACE });
    await hooks.publish?.({ ...of, data: "1", traceparent: `${TRACE.slice(0, -2)}00` });
    const spans = tracing.of("webhook");
    expect(spans).toMatchObject([
      {
        parent: TRACE,
        facts: { type: "publish" },
        outcome: { facts: { answer: "yes" }, problem: undefined },
      },
      { outcome: { facts: { answer: "none" }, problem: expect.any(String) } },
    ]);
    expect(traceparents.slice(0, 2)).toEqual(spans.map(({ traceparent }) => traceparent));
  });

  test("do not tell the address by which clients take turns", async () => {
    await hooks.connect?.({ ...connecting, headers: withAddress({ cookie: "a=b" }, "192.0.2.44") });
    expect(asked).toEqual([
      { path: "/c", body: { type: "connect", session: "s1", token: "t", headers: { cookie: "a=b" } } },
    ]);
  });

  test("of one address do not take all places in the queue", async () => {
    const headers = withAddress({}, "192.0.2.44");
    const many = Array.from({ length: 60 }, () =>
      hooks.connect?.({ ...connecting, session: undefined, headers }),
    );
    const other = hooks.connect?.({ ...connecting, headers: withAddress({}, "192.0.2.45") });
    const kinds = (await Promise.all(many)).map((each) => each?.kind);
    // Four under way, and half of the eight places.
    expect(kinds.filter((kind) => kind === "yes")).toHaveLength(8);
    expect(await other).toMatchObject({ kind: "yes" });
  });

  test("are not there where there is no URL", () => {
    const some = make({ publish: "/p" });
    expect([some.connect, some.subscribe, typeof some.publish]).toEqual([undefined, undefined, "function"]);
    some.close();
  });

  test("take yes, and no with its reason", async () => {
    expect(await hooks.subscribe?.(of)).toEqual({ kind: "yes" });
    answer = '{"allow":false,"reason":"not yours"}';
    const no = { kind: "no", reason: "not yours" };
    expect(await hooks.subscribe?.(of)).toEqual(no);
    expect(await hooks.publish?.({ ...of, data: "1" })).toEqual(no);
    expect(await hooks.connect?.(connecting)).toEqual(no);
  });

  test("take an identity by the rules of a token's claims", async () => {
    answer = JSON.stringify({
      allow: true,
      sub: "alice",
      exp: 4_102_444_800,
      info: { name: "Alice" },
      channels: [{ match: "room:*", verbs: ["subscribe"] }],
      subs: ["news"],
    });
    expect(await hooks.connect?.(connecting)).toEqual({
      kind: "yes",
      identity: {
        user: "alice",
        expiresAt: 4_102_444_800_000,
        // Said just now: an earlier revocation does not concern it.
        issuedAt: expect.any(Number),
        info: '{"name":"Alice"}',
        permissions: [{ match: "room:*", verbs: ["subscribe"] }],
        subs: ["news"],
      },
    });
  });

  test("take an info to the letter", async () => {
    answer = '{"allow":true,"sub":"alice","info":{"id":73786976294838206465,\n "n": 2.50}}';
    expect(await hooks.connect?.(connecting)).toMatchObject({
      identity: { info: '{"id":73786976294838206465,"n": 2.50}' },
    });
  });

  test("take an identity that a clock ahead has dated, as of now", async () => {
    answer = `{"allow":true,"sub":"alice","iat":${Date.now() / 1000 + 40}}`;
    const before = Date.now();
    const admission = await hooks.connect?.(connecting);
    const issuedAt = admission?.kind === "yes" ? (admission.identity.issuedAt ?? 0) : 0;
    expect(issuedAt).toBeGreaterThanOrEqual(before - 1);
    expect(issuedAt).toBeLessThanOrEqual(Date.now() + 1);
  });

  test("admit an anonymous client, and a user without an end for a day", async () => {
    expect(await hooks.connect?.(connecting)).toEqual({ kind: "yes", identity: ANONYMOUS });
    answer = '{"allow":true,"sub":"alice"}';
    const admission = await hooks.connect?.(connecting);
    const end = admission?.kind === "yes" ? (admission.identity.expiresAt ?? 0) : 0;
    expect(Math.abs(end - Date.now() - 86_400_000)).toBeLessThan(10_000);
  });

  test.each([
    ["garbage", "<html>502</html>"],
    ["a user that cannot be one", '{"allow":true,"sub":"a b"}'],
    ["a user that is no text", '{"allow":true,"sub":7}'],
    ["a pattern that is none", '{"allow":true,"sub":"a","channels":[{"match":"*:*","verbs":["subscribe"]}]}'],
    ["another user's channel", '{"allow":true,"sub":"a","subs":["user:b"]}'],
    ["a subscription token's claims", '{"allow":true,"sub":"a","channel":"news"}'],
    ["an info that is too large", `{"allow":true,"sub":"a","info":"${"x".repeat(2000)}"}`],
  ])("take %s for no answer, and say so now and then", async (_, text) => {
    answer = text;
    for (let i = 0; i < 3; i++) expect(await hooks.connect?.(connecting)).toEqual({ kind: "unanswered" });
    expect(logger.messages("warn")).toEqual(["a webhook gave no answer"]);
    expect(JSON.stringify(logger.lines)).not.toContain("a=b");
  });
});
