/**
 * Trace contexts through a real cluster: by every way in to every kind of client, into the history and a
 * webhook; and the spans of it, as a collector of OTLP gets them from a real OpenTelemetry SDK.
 */
import { fileURLToPath } from "node:url";
import { Client, type ClientOptions, type Publication } from "@holdfast/client";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { Application, SECRET } from "./application.js";
import { eventually } from "./deadline.js";
import { EventStream } from "./event-stream.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { OtlpCollector } from "./otlp-collector.js";
import { type Frame, PlainClient } from "./plain-client.js";
import { PollClient } from "./poll-client.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const MARK = "\u0001tp\u0001";
const CHANNEL = "kept:news";
const NAMESPACES = JSON.stringify({ kept: { historySize: 100 }, mine: { clientPublish: true } });

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let backend: Redis;
let application: Application;
let gateway: GatewayProcess;
/** Another instance of the cluster, whose clients hear the same. */
let other: GatewayProcess;

function start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<GatewayProcess> {
  const { url } = application;
  return GatewayProcess.start({
    args: [
      ...["--redis", redis.url, "--namespaces", NAMESPACES],
      ...["--webhook-publish-url", `${url}/publish`, "--webhook-secret", SECRET, ...args],
    ],
    env,
  });
}

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  backend = new Redis(redis.port, "127.0.0.1");
  shared.add({ close: () => backend.disconnect() });
  application = await Application.start();
  shared.add({ close: () => application.stop() });
  gateway = shared.add(await start());
  other = shared.add(await start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

let traces = 0;
const newId = (): string => String(++traces).padStart(32, "0a");
const sampled = (traceId: string): string => `00-${traceId}-b7ad6b7169203331-01`;

/** The ways in: each publishes `data` with a trace context. */
const WAYS: Readonly<Record<string, (data: unknown, traceparent: string) => Promise<unknown>>> = {
  "the header of /api/publish": (data, traceparent) =>
    post("/api/publish", { channel: CHANNEL, data }, traceparent),
  "the header of /api/batch": (data, traceparent) =>
    post("/api/batch", { publications: [{ channel: CHANNEL, data }] }, traceparent),
  "the field of an ingest entry": (data, traceparent) =>
    backend.xadd(
      ...(["holdfast:ingest", "*", "channel", CHANNEL, "data", JSON.stringify(data)] as const),
      ...["traceparent", traceparent],
    ),
  "before the data, by PUBLISH": (data, traceparent) =>
    backend.publish(`holdfast:channel:${CHANNEL}`, `${MARK}${traceparent} ${JSON.stringify(data)}`),
};

async function post(path: string, body: object, traceparent: string, to = gateway): Promise<unknown> {
  const { status, text } = await to.adminGet(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", traceparent },
    body: JSON.stringify(body),
  });
  expect(status).toBe(200);
  return JSON.parse(text);
}

/** What a client is pushed on the channel with this data, once it is. */
function pushed(what: string, frames: () => readonly Frame[], data: unknown): Promise<Frame> {
  const wanted = JSON.stringify(data);
  return eventually(`${what} hears ${wanted}`, () =>
    frames()
      .map(
        ({ publication, broadcast, message }) => (publication ?? broadcast ?? message) as Frame | undefined,
      )
      .find((body) => JSON.stringify(body?.data) === wanted),
  );
}

function lines(texts: readonly string[]): Frame[] {
  return texts.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as Frame);
}

interface Listener {
  readonly what: string;
  readonly frames: () => readonly Frame[];
}

/** A client of each kind, on both instances. */
async function listeners(): Promise<readonly Listener[]> {
  const plain = await PlainClient.connected(gateway.ws(), [CHANNEL]);
  own.add(plain);
  const byUrl = await PlainClient.subscribed(other.ws(`channels=${CHANNEL}`));
  own.add(byUrl);
  const stream = own.add(new EventStream(`${gateway.http}/sse?channels=${CHANNEL}`));
  const poll = own.add(new PollClient(() => other.http, { channels: [CHANNEL] }));
  const publications: Publication[] = [];
  const options = { WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]> };
  const sdk = own.add(new Client(other.ws(), options));
  let isSubscribed = false;
  sdk
    .subscribe(CHANNEL, (publication) => publications.push(publication))
    .on("subscribed", () => {
      isSubscribed = true;
    });
  await sdk.connect();
  await eventually("all of them have the channel", () => {
    return isSubscribed && poll.frames.length > 0 && stream.events.length > 0;
  });
  return [
    { what: "a WebSocket", frames: () => lines(plain.all) },
    { what: "a WebSocket by URL", frames: () => lines(byUrl.all) },
    { what: "an event stream", frames: () => lines(stream.events.map(({ data }) => data)) },
    { what: "a poll", frames: () => poll.frames as readonly Frame[] },
    { what: "the SDK", frames: () => publications.map((publication) => ({ publication })) },
  ];
}

async function kept(of: GatewayProcess, data: unknown): Promise<Frame | undefined> {
  const { text } = await of.adminGet(`/api/history?channel=${CHANNEL}&limit=100&reverse=true`);
  const { publications } = JSON.parse(text) as { publications: readonly Frame[] };
  return publications.find((each) => JSON.stringify(each.data) === JSON.stringify(data));
}

describe("a trace context", () => {
  for (const [way, publish] of Object.entries(WAYS)) {
    test(`by ${way} reaches every kind of client on both instances, and the history`, async () => {
      const all = await listeners();
      const traceparent = sampled(newId());
      await publish({ way, traced: true }, traceparent);
      await publish({ way, traced: false }, "00-not-a-trace-context");
      for (const { what, frames } of all) {
        expect(await pushed(what, frames, { way, traced: true })).toMatchObject({ traceparent });
        expect(await pushed(what, frames, { way, traced: false })).not.toHaveProperty("traceparent");
      }
      // PUBLISH is not kept.
      if (way.includes("PUBLISH")) return;
      expect(await kept(other, { way, traced: true })).toMatchObject({ traceparent });
      expect(await kept(other, { way, traced: false })).not.toHaveProperty("traceparent");
      const client = await PlainClient.connected(other.ws());
      own.add(client);
      const { history } = await client.command("history", { channel: CHANNEL, limit: 2, reverse: true });
      expect(history.publications).toMatchObject([{ data: { traced: false } }, { traceparent }]);
    });
  }

  test("comes with what a client has missed", async () => {
    const client = await PlainClient.connected(gateway.ws());
    own.add(client);
    const { subscribe: since } = await client.command("subscribe", { channel: CHANNEL });
    await client.command("unsubscribe", { channel: CHANNEL });
    const traceparent = sampled(newId());
    await post("/api/publish", { channel: CHANNEL, data: "missed" }, traceparent);
    const { subscribe } = await client.command("subscribe", {
      channel: CHANNEL,
      since: { offset: since.offset, epoch: since.epoch },
    });
    expect(subscribe).toMatchObject({ recovered: true });
    // What is on its way while the answer is made comes behind it.
    const [missed] = subscribe.publications ?? [
      await pushed("the client", () => lines(client.all), "missed"),
    ];
    expect(missed).toMatchObject({ data: "missed", traceparent });
  });

  test("of a broadcast and of what is not valid is counted where it is left out", async () => {
    const client = await PlainClient.connected(other.ws());
    own.add(client);
    const traceparent = sampled(newId());
    const dropped = async (of: GatewayProcess): Promise<number> =>
      metric((await of.adminGet("/metrics")).text, "holdfast_trace_contexts_dropped_total");
    const before = await dropped(gateway);
    await post("/api/broadcast", { data: "to all" }, traceparent);
    await post("/api/broadcast", { data: "to all, too" }, traceparent.toUpperCase());
    const frames = () =>
      client.all.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as Frame);
    expect(await pushed("a client", frames, "to all")).toMatchObject({ traceparent });
    expect(await pushed("a client", frames, "to all, too")).not.toHaveProperty("traceparent");
    expect(await dropped(gateway)).toBe(before + 1);
  });

  test("of a client's publication reaches the application that decides on it, and the subscribers", async () => {
    const client = await PlainClient.connected(gateway.ws(), ["ask:it"]);
    own.add(client);
    const traceparent = sampled(newId());
    const asked = application.questions.length;
    await client.command("publish", { channel: "ask:it", data: 1, traceparent });
    await client.command("publish", { channel: "ask:it", data: 2 });
    expect(application.traceparents.slice(asked)).toEqual([traceparent, undefined]);
    const frames = () =>
      client.all.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as Frame);
    expect(await pushed("a client", frames, 1)).toMatchObject({ traceparent });
  });
});

describe("with an OpenTelemetry SDK", () => {
  let collector: OtlpCollector;
  let traced: GatewayProcess;
  const sdk = fileURLToPath(new URL("./otel-sdk.mjs", import.meta.url));
  beforeAll(async () => {
    collector = shared.add(await OtlpCollector.start());
    const env = { NODE_OPTIONS: `--import=${sdk}`, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    traced = shared.add(await start(["--tracing", "otel"], env));
  });

  test("a publication is a span, and so is its delivery by each worker with subscribers", async () => {
    // Until both workers have a subscriber.
    const owners = new Set<string>();
    const clients: PlainClient[] = [];
    while (owners.size < 2) {
      const client = await PlainClient.connected(traced.ws(), [CHANNEL]);
      own.add(client);
      clients.push(client);
      owners.add(client.sid.slice(0, 4));
    }
    const traceId = newId();
    await post("/api/publish", { channel: CHANNEL, data: { spans: traceId } }, sampled(traceId), traced);
    const [publish] = await collector.of(traceId, "holdfast publish", 1);
    const delivered = await collector.of(traceId, "holdfast deliver", 2);
    expect(publish?.parentSpanId).toBe("b7ad6b7169203331");
    expect(delivered.map(({ parentSpanId }) => parentSpanId)).toEqual([publish?.spanId, publish?.spanId]);
    const receivers = delivered.flatMap(({ attributes }) =>
      attributes
        .filter(({ key }) => key === "holdfast.receivers")
        .map(({ value }) => Number(Object.values(value)[0])),
    );
    expect(receivers.reduce((sum, each) => sum + each, 0)).toBe(clients.length);
    const [client] = clients;
    const frames = () =>
      (client?.all ?? []).flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as Frame);
    expect(await pushed("a client", frames, { spans: traceId })).toMatchObject({
      traceparent: `00-${traceId}-${publish?.spanId}-01`,
    });
  });

  test("the question to the application is a span, too", async () => {
    const client = await PlainClient.connected(traced.ws(), ["ask:it"]);
    own.add(client);
    const traceId = newId();
    const asked = application.questions.length;
    await client.command("publish", { channel: "ask:it", data: 1, traceparent: sampled(traceId) });
    const [webhook] = await collector.of(traceId, "holdfast webhook", 1);
    expect(application.traceparents.slice(asked)).toEqual([`00-${traceId}-${webhook?.spanId}-01`]);
    const [published] = await collector.of(traceId, "holdfast publish", 1);
    expect([webhook?.parentSpanId, published?.parentSpanId]).toEqual(Array(2).fill("b7ad6b7169203331"));
  });

  test("there is no span of a trace that its publisher does not record", async () => {
    const [unsampled, last] = [newId(), newId()];
    await post("/api/publish", { channel: CHANNEL, data: 1 }, `${sampled(unsampled).slice(0, -2)}00`, traced);
    await post("/api/publish", { channel: CHANNEL, data: 2 }, sampled(last), traced);
    await collector.of(last, "holdfast publish", 1);
    expect(collector.spans.filter(({ traceId }) => traceId === unsampled)).toEqual([]);
  });
});

test("without an SDK the gateway starts, says that spans go nowhere, and carries trace contexts", async () => {
  const alone = own.add(await start(["--tracing", "otel"]));
  expect(alone.log.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toContainEqual(
    expect.stringContaining("no OpenTelemetry SDK is registered"),
  );
  const client = await PlainClient.connected(alone.ws(), [CHANNEL]);
  own.add(client);
  const traceparent = sampled(newId());
  await post("/api/publish", { channel: CHANNEL, data: "alone" }, traceparent, alone);
  const frames = () =>
    client.all.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line) as Frame);
  expect(await pushed("a client", frames, "alone")).toMatchObject({ traceparent });
});
