/**
 * A publication's trace context on its way through a worker: in, through the broker and its log, and out.
 */
import { type Json, withTraceparent } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { ANONYMOUS } from "./access/identity.js";
import { BrokerUnavailable } from "./broker/broker.js";
import { MemoryBroker, MemoryBus } from "./broker/broker-memory.js";
import { BROADCAST, channelTopic, userTopic } from "./broker/topic.js";
import type { CoreOptions } from "./options.js";
import { CoreWorld, type FakeClient } from "./testing/core-world.js";
import { RecordingTracing } from "./testing/recording-tracing.js";
import { ScriptedAuthorizer } from "./testing/scripted-authorizer.js";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED = `${TRACE.slice(0, -2)}00`;
const MARK = "\u0001tp\u0001";
const NAMESPACES = { open: { clientPublish: true }, kept: { clientPublish: true, historySize: 10 } };
const KEEP = { size: 10, ttlMs: 60_000 };

function world(options: Partial<CoreOptions> = {}, tracing?: RecordingTracing): CoreWorld {
  const seams = tracing && { tracing };
  return new CoreWorld(new MemoryBroker(), { namespaces: NAMESPACES, ...options }, undefined, seams);
}

const pushes = (client: FakeClient): Json[] =>
  client.take().flatMap((frame) => (frame.kind === "push" ? [{ [frame.op]: frame.body }] : []));

function publishAs(client: FakeClient, channel: string, data: Json, traceparent: unknown): void {
  const publish = { channel, data, traceparent };
  client.connection.receive(JSON.stringify({ id: 99, publish }));
}

describe("a trace context", () => {
  test("of a client's publication is pushed, and kept in the history", async () => {
    const here = world();
    const client = await here.subscribed("kept:a", "open:a");
    publishAs(client, "kept:a", 1, TRACE);
    publishAs(client, "kept:a", 2, undefined);
    publishAs(client, "open:a", 3, TRACE);
    await here.settle();
    expect(pushes(client)).toEqual([
      { publication: { channel: "kept:a", offset: 1, traceparent: TRACE, data: 1 } },
      { publication: { channel: "kept:a", offset: 2, data: 2 } },
      { publication: { channel: "open:a", traceparent: TRACE, data: 3 } },
    ]);
    client.send({ op: "history", body: { channel: "kept:a" } });
    await here.settle();
    expect(client.take()).toMatchObject([
      {
        body: {
          publications: [
            { offset: 1, traceparent: TRACE, data: 1 },
            { offset: 2, data: 2 },
          ],
        },
      },
    ]);
  });

  test("comes with what a client that returns has missed, from memory and from the log", async () => {
    const bus = new MemoryBus();
    const here = new CoreWorld(new MemoryBroker(bus), { namespaces: NAMESPACES });
    const text = withTraceparent('{"n":1}', TRACE);
    const first = bus.publish(channelTopic("kept:a"), "0", { retention: KEEP });
    bus.publish(channelTopic("kept:a"), text, { retention: KEEP });
    for (let time = 0; time < 2; time++) {
      const client = here.connected();
      client.send({ op: "subscribe", body: { channel: "kept:a", since: first! } });
      await here.settle();
      expect(client.take()).toMatchObject([
        { body: { recovered: true, publications: [{ offset: 2, traceparent: TRACE, data: { n: 1 } }] } },
      ]);
    }
  });

  test("of what is for a user or for all is pushed", async () => {
    const here = world({ access: "private" });
    here.tokens.knows("t", { ...ANONYMOUS, user: "ann" });
    await here.settle();
    const client = here.client();
    client.send({ op: "connect", body: { token: "t" } });
    await here.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", body: { user: "ann" } }]);
    await here.broker.publish(BROADCAST, withTraceparent("1", TRACE));
    await here.broker.publish(userTopic("ann"), withTraceparent("2", TRACE));
    await here.settle();
    expect(pushes(client)).toEqual([
      { broadcast: { traceparent: TRACE, data: 1 } },
      { message: { traceparent: TRACE, data: 2 } },
    ]);
  });

  test.each([
    ["another version", TRACE.replace(/^00/, "01")],
    ["a trace of zeros", `00-${"0".repeat(32)}-b7ad6b7169203331-01`],
    ["far too long", "x".repeat(5000)],
    ["nothing", ""],
    ["a number", 7],
  ])("that is none (%s) is left out and counted, and the publication goes on", async (_, traceparent) => {
    const here = world();
    const client = await here.subscribed("open:a");
    publishAs(client, "open:a", 1, traceparent);
    await here.settle();
    expect(pushes(client)).toEqual([{ publication: { channel: "open:a", data: 1 } }]);
    expect(here.metrics.count("trace_contexts_dropped")).toBe(1);
  });

  test("that a backend put before its data is told where it is valid, and else left out and counted", async () => {
    const here = world();
    const client = await here.subscribed("open:a");
    for (const text of [withTraceparent("plain text", TRACE), `${MARK}nonsense 2`, `${MARK}endless`])
      await here.broker.publish(channelTopic("open:a"), text);
    await here.settle();
    expect(pushes(client)).toEqual([
      { publication: { channel: "open:a", traceparent: TRACE, data: "plain text" } },
      { publication: { channel: "open:a", data: 2 } },
      { publication: { channel: "open:a", data: `${MARK}endless` } },
    ]);
    expect(here.metrics.count("trace_contexts_dropped")).toBe(2);
  });

  test("is not counted as data, and nothing else passes the limit beside it", async () => {
    const maxPublicationBytes = 300;
    const here = world({ maxPublicationBytes });
    const client = await here.subscribed("open:a");
    const largest = JSON.stringify("x".repeat(maxPublicationBytes - 2));
    publishAs(client, "open:a", JSON.parse(largest) as Json, TRACE);
    await here.broker.publish(channelTopic("open:a"), withTraceparent(`${largest} `, TRACE));
    await here.broker.publish(channelTopic("open:a"), `${MARK}nonsense ${largest}`);
    await here.settle();
    expect(pushes(client)).toHaveLength(1);
    expect(here.metrics.count("broker_rejected")).toBe(2);
  });

  test("goes with the question whether a client may publish", async () => {
    const authorizer = new ScriptedAuthorizer();
    const here = new CoreWorld(new MemoryBroker(), {}, undefined, {
      authorizer: { publish: authorizer.publish, close: () => {} },
    });
    const client = await here.subscribed("open:a");
    publishAs(client, "ask:a", 1, TRACE);
    publishAs(client, "ask:a", 2, "nonsense");
    expect(authorizer.publishes.map(({ question }) => question.traceparent)).toEqual([TRACE, undefined]);
  });
});

describe("spans", () => {
  test("are of the publication and of its delivery by each worker, one under the other", async () => {
    const bus = new MemoryBus();
    const tracings = [new RecordingTracing(), new RecordingTracing()];
    const worlds = tracings.map(
      (tracing, slot) =>
        new CoreWorld(
          new MemoryBroker(bus),
          { namespaces: NAMESPACES },
          { slot, generation: 0 },
          { tracing },
        ),
    );
    const [a, b] = worlds as [CoreWorld, CoreWorld];
    const listeners = [
      await a.subscribed("kept:a"),
      await b.subscribed("kept:a"),
      await b.subscribed("kept:a"),
    ];
    publishAs(listeners[0]!, "kept:a", 1, TRACE);
    for (const each of worlds) await each.settle();
    const [publish] = tracings[0]!.of("publish");
    expect(publish).toMatchObject({
      parent: TRACE,
      facts: { topic: "channel:kept:a" },
      outcome: { problem: undefined },
    });
    const delivered = tracings.map((tracing) => tracing.of("deliver"));
    expect(delivered.map((spans) => spans.map(({ parent }) => parent))).toEqual([
      [publish?.traceparent],
      [publish?.traceparent],
    ]);
    expect(delivered.map(([span]) => span?.outcome?.facts?.receivers)).toEqual([1, 2]);
    // All hear the same, whichever worker they are on: what the history keeps.
    for (const listener of listeners)
      expect(pushes(listener)).toMatchObject([{ publication: { traceparent: publish?.traceparent } }]);
  });

  test("are not of a trace that is not recorded, which is carried all the same", async () => {
    const tracing = new RecordingTracing();
    const here = world({}, tracing);
    const client = await here.subscribed("open:a");
    publishAs(client, "open:a", 1, UNSAMPLED);
    publishAs(client, "open:a", 2, undefined);
    await here.settle();
    expect(tracing.spans).toEqual([]);
    expect(pushes(client)).toEqual([
      { publication: { channel: "open:a", traceparent: UNSAMPLED, data: 1 } },
      { publication: { channel: "open:a", data: 2 } },
    ]);
  });

  test("say why a publication failed", async () => {
    const tracing = new RecordingTracing();
    const here = world({}, tracing);
    const client = await here.subscribed("open:a");
    here.broker.publish = () => Promise.reject(new BrokerUnavailable("away"));
    publishAs(client, "open:a", 1, TRACE);
    await here.settle();
    expect(tracing.of("publish")).toMatchObject([{ outcome: { problem: "away" } }]);
    expect(client.take()).toMatchObject([{ kind: "error", error: { name: "unavailable" } }]);
  });

  test("of one batch are bounded, and all of them end", async () => {
    const tracing = new RecordingTracing();
    const here = world({}, tracing);
    const client = await here.subscribed("open:a");
    const publishes = Array.from({ length: 100 }, (_, n) =>
      here.broker.publish(channelTopic("open:a"), withTraceparent(String(n), TRACE)),
    );
    await Promise.all(publishes);
    await here.settle();
    const spans = tracing.of("deliver");
    expect(pushes(client)).toHaveLength(100);
    expect(spans).toHaveLength(64);
    expect(spans.every(({ outcome }) => outcome !== undefined)).toBe(true);
  });
});
