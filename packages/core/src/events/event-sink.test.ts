import { describe, expect, it } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import { MemoryBroker } from "../broker/broker-memory.js";
import { BROADCAST } from "../broker/topic.js";
import type { CoreOptions } from "../options.js";
import { systemClock } from "../runtime/clock.js";
import { CoreWorld, memoryWorld, RecordingMetrics, ScriptedBroker } from "../testing/index.js";
import type { EventSink, GatewayEvent } from "./event-sink.js";
import { MemoryEventSink } from "./event-sink-memory.js";

const record = (fields: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : [])));

describe("the sink in memory", () => {
  it("lets the oldest go at its bound, and counts it", () => {
    const metrics = new RecordingMetrics();
    const sink = new MemoryEventSink(2, systemClock, metrics);
    for (const channel of ["a", "b", "c"]) sink.tell({ type: "occupied", channel, version: 1 });
    expect(sink.take().map((fields) => record(fields).channel)).toEqual(["b", "c"]);
    expect(metrics.count("events_dropped")).toBe(1);
  });
});

/** Remembers what it was told; a test settles what was delivered. */
class ScriptedSink implements EventSink {
  readonly told: GatewayEvent[] = [];
  readonly waiting: { resolve: () => void; reject: (problem: Error) => void }[] = [];
  tell(event: GatewayEvent): void {
    this.told.push(event);
  }
  deliver(event: GatewayEvent): Promise<void> {
    this.told.push(event);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }
  async close(): Promise<void> {}
}

function world(options: Partial<CoreOptions> = {}): { world: CoreWorld; sink: ScriptedSink } {
  const sink = new ScriptedSink();
  return { world: new CoreWorld(new MemoryBroker(), options, undefined, { events: sink }), sink };
}

describe("a connection's events", () => {
  it("are its beginning and its end, with the session's key, the client's name and the code", async () => {
    const { world: here, sink } = world();
    const client = here.client();
    client.send({ op: "connect", body: { client: "test/1" } });
    client.gone();
    const session = "0000000000000001";
    expect(sink.told).toEqual([
      { type: "connect", session, user: undefined, client: "test/1", resumed: false },
      { type: "disconnect", session, user: undefined, code: undefined },
    ]);
    const other = here.connected();
    other.connection.receive("nonsense");
    expect(sink.told.at(-1)).toMatchObject({ type: "disconnect", code: 3500 });
    other.gone();
    expect(sink.told).toHaveLength(4);
  });

  it("are told of one that the URL connects, too", async () => {
    const { world: here, sink } = world();
    const client = here.client("raw", ["news"]);
    await here.settle();
    client.gone();
    expect(sink.told.map(({ type }) => type)).toEqual(["connect", "disconnect"]);
  });

  it("say that a session goes on", async () => {
    const { world: here, sink } = world();
    await here.settle();
    const client = here.client();
    client.connect();
    const [reply] = client.take();
    const { sid, resumeToken } = (reply as unknown as { body: { sid: string; resumeToken: string } }).body;
    client.gone();
    here.client().send({ op: "connect", body: { resume: { sid, token: resumeToken } } });
    const sessions = new Set(sink.told.map((event) => "session" in event && event.session));
    expect(sessions.size).toBe(1);
    expect(sink.told.map((event) => event.type === "connect" && event.resumed)).toEqual([false, false, true]);
  });

  it("are none for one that never connected, or that left while its channels were awaited", async () => {
    const sink = new ScriptedSink();
    const broker = new ScriptedBroker();
    const here = new CoreWorld(broker, {}, undefined, { events: sink });
    broker.become("ready");
    broker.last("subscribe", BROADCAST).resolve();
    here.client().gone();
    const waiting = here.client();
    waiting.connect({ news: null });
    waiting.gone();
    for (const call of broker.calls) call.resolve();
    await here.settle();
    expect(sink.told).toEqual([]);
  });
});

describe("send", () => {
  it("is answered once the message is kept, in the order in which the sink says so", async () => {
    const { world: here, sink } = world();
    const client = here.connected();
    sink.told.length = 0;
    const id = client.send({ op: "send", body: { data: { a: [1, null] } } });
    await here.settle();
    expect(client.take()).toEqual([]);
    expect(sink.told).toEqual([
      { type: "message", session: "0000000000000001", user: undefined, data: '{"a":[1,null]}' },
    ]);
    sink.waiting[0]?.resolve();
    await here.settle();
    expect(client.take()).toEqual([{ kind: "reply", id, op: "send", body: {} }]);
  });

  it("is `unavailable` when it was not kept, and `internal` when the sink is broken", async () => {
    const { world: here, sink } = world();
    const client = here.connected();
    client.send({ op: "send", body: { data: 1 } });
    client.send({ op: "send", body: { data: 2 } });
    sink.waiting[0]?.reject(new BrokerUnavailable("away"));
    sink.waiting[1]?.reject(new Error("broken"));
    await here.settle();
    expect(client.take()).toMatchObject([
      { error: { name: "unavailable" } },
      { error: { name: "internal" } },
    ]);
  });

  it("is `limit_rate` beyond the bytes a second of its connection, and of all that send", async () => {
    const { world: here, sink } = world({
      publishBytesPerSecond: 1_000,
      namespacePublishBytesPerSecond: 2_500,
    });
    const data = "d".repeat(1_500);
    const clients = [here.connected(), here.connected(), here.connected()];
    sink.told.length = 0;
    for (const client of clients) for (let i = 0; i < 3; i++) client.send({ op: "send", body: { data } });
    await here.settle();
    // A bucket holds two seconds' worth, and the last one may take it into debt.
    expect(sink.told).toHaveLength(4);
    const refused = clients.flatMap((client) => client.take());
    expect(refused).toMatchObject(Array(5).fill({ error: { name: "limit_rate" } }));
    here.clock.advance(4_000);
    clients[2]?.send({ op: "send", body: { data } });
    await here.settle();
    expect(sink.told).toHaveLength(5);
  });

  it("is `no_events` without a reader", () => {
    const client = memoryWorld().connected();
    client.send({ op: "send", body: { data: 1 } });
    expect(client.take()).toMatchObject([{ error: { code: 124, name: "no_events" } }]);
  });

  it("needs a session", () => {
    const client = memoryWorld().client();
    client.send({ op: "send", body: { data: 1 } });
    expect(client.take()).toMatchObject([{ error: { name: "not_connected" } }]);
  });
});
