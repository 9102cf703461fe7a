import { beforeEach, describe, expect, test } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import { channelTopic, type Topic, userTopic } from "../broker/topic.js";
import { codecs } from "../codec/codecs.js";
import { Cork } from "../delivery/cork.js";
import { FanOut, type Listener } from "../delivery/fan-out.js";
import { StreamReader } from "../history/stream-reader.js";
import { Namespaces } from "../namespace.js";
import { CORE_DEFAULTS } from "../options.js";
import { Incidents } from "../runtime/incidents.js";
import { Ticker } from "../runtime/ticker.js";
import { FakeClock, runPromises } from "../testing/fake-clock.js";
import { TextFraming } from "../testing/fake-transport.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import { ScriptedBroker } from "../testing/scripted-broker.js";
import { Hub } from "./hub.js";
import type { TopicState } from "./topic-state.js";

const NEWS = channelTopic("news");
const framing = new TextFraming();

class Ear implements Listener {
  slot = -1;
  topicState: TopicState | undefined;
  readonly heard: string[] = [];

  deliver(batch: Parameters<Listener["deliver"]>[0]): number {
    this.heard.push(...framing.messages(batch.bytesFor(codecs.objects, framing)));
    return 1;
  }
}

let clock: FakeClock;
let broker: ScriptedBroker;
let logger: RecordingLogger;
let metrics: RecordingMetrics;
let hub: Hub;

beforeEach(() => {
  clock = new FakeClock();
  broker = new ScriptedBroker();
  logger = new RecordingLogger();
  metrics = new RecordingMetrics();
  const fanOut = new FanOut({ sliceMs: 5 }, clock, metrics, new Cork(() => {}));
  const ticker = new Ticker(clock);
  const limits = { ...CORE_DEFAULTS, maxRecoveredChars: 1_000_000 };
  const streamReader = new StreamReader(limits, {
    broker,
    fanOut,
    ticker,
    metrics,
    incidents: new Incidents(Date.now),
    logger,
  });
  const namespaces = new Namespaces({}, CORE_DEFAULTS);
  hub = new Hub({
    broker,
    fanOut,
    namespaces,
    streamReader,
    metrics,
    incidents: new Incidents(Date.now),
    logger,
  });
});

/** As a subscription does it: enters, waits, and joins unless it has left meanwhile. */
function join(topic: Topic, ear: Ear): Promise<void> | undefined {
  const topicState = hub.enter(topic);
  ear.topicState = topicState;
  const now = (): void => {
    if (ear.topicState === topicState) hub.join(topicState, ear);
  };
  if (topicState.confirming === undefined) {
    now();
    return undefined;
  }
  const joining = topicState.confirming.then(now);
  // As the hub promises, who has left need not listen to the refusal.
  joining.catch(() => {});
  return joining;
}

function leave(ear: Ear): void {
  const { topicState } = ear;
  ear.topicState = undefined;
  if (topicState !== undefined) hub.leave(topicState, ear);
}

/** A listener whose joining the broker has confirmed. */
async function listening(): Promise<Ear> {
  const ear = new Ear();
  const joining = join(NEWS, ear);
  if (joining !== undefined) broker.last("subscribe", NEWS).resolve();
  await joining;
  return ear;
}

function publish(data: string, topic = NEWS): void {
  hub.publication(topic, data, undefined);
  clock.runDeferred();
}

describe("joining", () => {
  test("the first listener of a topic waits for the broker, and so does one that joins meanwhile", async () => {
    const settled: string[] = [];
    join(NEWS, new Ear())?.then(() => settled.push("first"));
    join(NEWS, new Ear())?.then(() => settled.push("second"));
    await runPromises();
    expect(settled).toEqual([]);
    expect(broker.log).toEqual(["subscribe channel:news"]);
    broker.last("subscribe", NEWS).resolve();
    await runPromises();
    expect(settled).toEqual(["first", "second"]);
  });

  test("a topic that is confirmed is joined at once", async () => {
    await listening();
    expect(join(NEWS, new Ear())).toBeUndefined();
    expect(broker.log).toEqual(["subscribe channel:news"]);
  });

  test("counts topics and subscriptions", async () => {
    await listening();
    await listening();
    join(channelTopic("sport"), new Ear());
    expect(hub.topics).toBe(2);
    expect(hub.subscriptions).toBe(3);
  });
});

describe("leaving", () => {
  test("only the last listener ends the broker subscription", async () => {
    const [a, b] = [await listening(), await listening()];
    leave(a);
    leave(a);
    expect(broker.log).toEqual(["subscribe channel:news"]);
    leave(b);
    leave(b);
    expect(broker.log).toEqual(["subscribe channel:news", "unsubscribe channel:news"]);
    expect(hub.topics).toBe(0);
  });

  test("while the broker confirms ends the subscription, and the answer changes nothing", async () => {
    const ear = new Ear();
    const joining = join(NEWS, ear);
    leave(ear);
    expect(broker.log).toEqual(["subscribe channel:news", "unsubscribe channel:news"]);
    broker.last("subscribe", NEWS).resolve();
    await joining;
    expect(hub.topics).toBe(0);
    publish("1");
    expect(ear.heard).toEqual([]);
  });

  test("and joining again while the broker confirms makes a new subscription, which the old answer does not confirm", async () => {
    const [first, second] = [new Ear(), new Ear()];
    join(NEWS, first);
    const old = broker.last("subscribe", NEWS);
    leave(first);
    let confirmed = false;
    join(NEWS, second)?.then(() => {
      confirmed = true;
    });
    expect(broker.log).toEqual([
      "subscribe channel:news",
      "unsubscribe channel:news",
      "subscribe channel:news",
    ]);
    old.resolve();
    await runPromises();
    expect(confirmed).toBe(false);
    broker.last("subscribe", NEWS).resolve();
    await runPromises();
    expect(confirmed).toBe(true);
    publish("1");
    expect(first.heard).toEqual([]);
    expect(second.heard).toHaveLength(1);
  });

  test("a failed answer to a subscription that was left does not touch the one that came after it", async () => {
    const [first, second] = [new Ear(), new Ear()];
    join(NEWS, first);
    const old = broker.last("subscribe", NEWS);
    leave(first);
    join(NEWS, second);
    broker.last("subscribe", NEWS).resolve();
    old.reject(new BrokerUnavailable("late"));
    await runPromises();
    expect(hub.topics).toBe(1);
    publish("1");
    expect(second.heard).toHaveLength(1);
  });

  test("survives a broker that cannot unsubscribe", async () => {
    leave(await listening());
    broker.last("unsubscribe", NEWS).reject(new BrokerUnavailable("away"));
    await runPromises();
    expect(logger.messages("debug")).toEqual(["could not unsubscribe"]);
  });
});

describe("when the broker refuses a subscription", () => {
  test("every waiting connection is told, and the topic is gone", async () => {
    const ears = [new Ear(), new Ear(), new Ear()];
    const told = ears.map((ear) => join(NEWS, ear)?.catch((error: Error) => error.message));
    broker.last("subscribe", NEWS).reject(new BrokerUnavailable("away"));
    expect(await Promise.all(told)).toEqual(["away", "away", "away"]);
    for (const ear of ears) leave(ear);
    expect(hub.topics).toBe(0);
    // Should the broker have carried it out after all.
    expect(broker.log).toEqual(["subscribe channel:news", "unsubscribe channel:news"]);
  });

  test("a connection that joins before the waiting ones have left asks the broker anew", async () => {
    const early = new Ear();
    const late = new Ear();
    let joining: Promise<void> | undefined;
    // Joins from within the promises of the refusal, before the first one has left.
    const watched = join(NEWS, early)?.catch(() => {
      joining = join(NEWS, late);
      leave(early);
    });
    broker.last("subscribe", NEWS).reject(new BrokerUnavailable("away"));
    await watched;
    expect(joining).toBeDefined();
    expect(broker.log).toEqual([
      "subscribe channel:news",
      "unsubscribe channel:news",
      "subscribe channel:news",
    ]);
    broker.last("subscribe", NEWS).resolve();
    await joining;
    publish("1");
    expect(late.heard).toHaveLength(1);
    expect(early.heard).toEqual([]);
    expect(hub.subscriptions).toBe(1);
  });

  test("by throwing, it is as if it had answered so", async () => {
    broker.failure = new Error("broken");
    await expect(join(NEWS, new Ear())).rejects.toThrow("broken");
    broker.failure = undefined;
    expect(hub.topics).toBe(0);
    expect(join(NEWS, new Ear())).toBeDefined();
  });

  test("no caller needs to listen to the refusal", async () => {
    const ear = new Ear();
    join(NEWS, ear);
    leave(ear);
    broker.last("subscribe", NEWS).reject(new BrokerUnavailable("away"));
    await runPromises();
    expect(hub.topics).toBe(0);
  });
});

describe("a publication", () => {
  test("reaches all listeners of its topic, and is counted", async () => {
    const [a, b] = [await listening(), await listening()];
    publish('{"n":1}');
    expect(a.heard).toEqual(['{"publication":{"channel":"news","data":{"n":1}}}']);
    expect(b.heard).toEqual(a.heard);
    expect(metrics.count("publications")).toBe(1);
  });

  test("that is not JSON is delivered as a string", async () => {
    const ear = await listening();
    publish("hello\nworld");
    expect(ear.heard).toEqual(['{"publication":{"channel":"news","data":"hello\\nworld"}}']);
  });

  test("for a user is a message", async () => {
    const topic = userTopic("42");
    const ear = new Ear();
    join(topic, ear);
    broker.last("subscribe", topic).resolve();
    await runPromises();
    publish("1", topic);
    expect(ear.heard).toEqual(['{"message":{"data":1}}']);
  });

  test("on a topic without a listener here is ignored", async () => {
    publish("1");
    expect(metrics.count("publications")).toBe(0);
    expect(clock.deferred).toBe(0);
  });

  test("that comes before the broker has confirmed the topic is not for the waiting connections", async () => {
    const ear = new Ear();
    join(NEWS, ear);
    publish("early");
    broker.last("subscribe", NEWS).resolve();
    await runPromises();
    publish("1");
    expect(ear.heard).toEqual(['{"publication":{"channel":"news","data":1}}']);
  });

  test("that waits for a topic which was left and joined again is not for the new listener", async () => {
    const first = await listening();
    hub.publication(NEWS, "1", undefined);
    leave(first);
    const second = new Ear();
    join(NEWS, second);
    broker.last("subscribe", NEWS).resolve();
    await runPromises();
    clock.runDeferred();
    expect(first.heard).toEqual([]);
    expect(second.heard).toEqual([]);
    publish("2");
    expect(second.heard).toHaveLength(1);
  });
});

describe("what was left out for this worker", () => {
  test("is told as a gap where there is no log", async () => {
    const ear = new Ear();
    const joined = join(NEWS, ear);
    hub.skipped(NEWS);
    broker.last("subscribe", NEWS).resolve();
    await joined;
    hub.skipped(NEWS);
    hub.skipped(channelTopic("nobody-here"));
    clock.runDeferred();
    expect(ear.heard.map((each) => JSON.parse(each) as unknown)).toEqual([
      { gap: { channel: "news", reason: "slow" } },
    ]);
    expect(metrics.count("gaps")).toBe(1);
  });
});
