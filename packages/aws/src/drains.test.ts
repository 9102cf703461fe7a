/**
 * The agent against the metadata service and the API of Auto Scaling over HTTP: 100 instances whose ends
 * differ in the order of events, with throttling and outages of both.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { InstanceAgent } from "./agent.js";
import { Imds } from "./instance-metadata.js";
import { AutoScalingHook } from "./lifecycle-hook.js";
import { FakeAws } from "./testing/fake-aws.js";
import { FakeInstance, type Life } from "./testing/fake-instance.js";
import { RecordingLog } from "./testing/recording-log.js";

jest.setTimeout(120_000);

const DRAINS = 100;
const AT_ONCE = 50;
const TURN_S = 5;
/** Far beyond the longest life below. */
const MOST_TURNS = 200;

let aws: FakeAws;

beforeEach(async () => {
  aws = await FakeAws.start();
});
afterEach(() => aws.stop());

/** The same lives at each run: a linear congruential generator (Numerical Recipes, chapter 7). */
function lives(): Life[] {
  let seed = 42;
  const below = (most: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % most;
  };
  const maybe = (from: number): readonly [number, number] | undefined =>
    below(2) === 0 ? undefined : [from, from + 5 + below(25)];
  return Array.from({ length: DRAINS }, (_, n) => {
    const terminatesAt = below(30);
    const [gatewayAway, metadataFail, apiThrottled] = [
      maybe(terminatesAt + below(60)),
      maybe(terminatesAt + below(60)),
      maybe(terminatesAt + below(90)),
    ];
    return {
      id: `i-${n}`,
      terminatesAt,
      deregistration: below(40),
      // Longer than an outage of the API and the pace of heartbeats together, as drainTimings makes it.
      heartbeatTimeout: 90,
      drain: below(200),
      ...(gatewayAway === undefined ? {} : { gatewayAway }),
      ...(metadataFail === undefined ? {} : { metadataFail }),
      ...(apiThrottled === undefined ? {} : { apiThrottled }),
      ...(below(3) === 0 ? { rebalanceAt: below(40) } : {}),
    };
  });
}

async function live(life: Life): Promise<FakeInstance> {
  const instance = new FakeInstance(life);
  aws.add(instance);
  const hook = new AutoScalingHook({
    instanceId: life.id,
    region: "eu-north-1",
    group: "gateways",
    hook: "holdfast-drain",
    endpoint: aws.url,
    credentials: { accessKeyId: "of-a-test", secretAccessKey: "of-a-test" },
  });
  const agent = new InstanceAgent({
    metadata: new Imds(aws.metadataOf(instance)),
    gateway: { drain: async () => instance.askDrain() },
    hook,
    log: new RecordingLog(),
    heartbeatMs: 30_000,
    onRebalance: "log",
    now: () => instance.now * 1000,
    wallNow: () => instance.now * 1000,
  });
  try {
    for (let turn = 0; turn < MOST_TURNS && agent.state.name !== "released"; turn++) {
      await agent.turn();
      instance.now += TURN_S;
    }
  } finally {
    hook.close();
  }
  return instance;
}

describe("100 drains", () => {
  it("none is completed early, none is forgotten", async () => {
    const all = lives();
    const ended: FakeInstance[] = [];
    for (let from = 0; from < all.length; from += AT_ONCE) {
      ended.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map(live))));
    }
    expect(ended.filter(({ isCompletedEarly }) => isCompletedEarly)).toEqual([]);
    expect(ended.filter(({ end }) => end !== "completed").map(({ life }) => life)).toEqual([]);
    // The lives are worth something only if each kind is among them.
    expect(ended.some(({ heartbeats }) => heartbeats > 2)).toBe(true);
    expect(ended.some(({ life }) => life.drain < life.deregistration)).toBe(true);
    expect(ended.some(({ life }) => life.apiThrottled !== undefined && life.metadataFail !== undefined)).toBe(
      true,
    );
  });

  it("an instance that the group does not know is let go", async () => {
    const hook = new AutoScalingHook({
      ...{ instanceId: "i-unknown", region: "eu-north-1", group: "gateways", hook: "holdfast-drain" },
      endpoint: aws.url,
      credentials: { accessKeyId: "of-a-test", secretAccessKey: "of-a-test" },
    });
    expect(await hook.state()).toBe("over");
    hook.close();
  });
});
