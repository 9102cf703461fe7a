import { BrokerUnavailable, type InstanceLoads, type SaidLoad, type ShedOrder } from "@holdfast/core";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { announcementText, readAnnouncement } from "./announcement.js";
import { DECISION_MS, DEFAULT_PATIENCE_MS, type InstanceLoad, settleMs } from "./decision.js";
import { Rebalancer } from "./rebalancer.js";

/** What all instances of a test say. */
class SharedLoads implements InstanceLoads {
  readonly said = new Map<string, SaidLoad>();
  isAway = false;
  /** How long Redis takes, ms. */
  delayMs = 0;
  clock: FakeClock | undefined;
  withdrawn: string[] = [];

  async exchange(instance: string, text: string): Promise<readonly SaidLoad[]> {
    if (this.isAway) throw new BrokerUnavailable("away");
    this.said.set(instance, { instance, text, ageMs: 0 });
    this.clock?.spend(this.delayMs);
    return [...this.said.values()];
  }

  async withdraw(instance: string): Promise<void> {
    this.withdrawn.push(instance);
    this.said.delete(instance);
  }
}

class TestInstance {
  readonly orders: (readonly [worker: number, order: ShedOrder])[] = [];
  readonly rebalancer: Rebalancer;
  readonly logger = new RecordingLogger();
  state: InstanceLoad["state"] | undefined = "serving";
  automatic = false;
  /** Whether its workers find clients that may go. */
  obeys = true;

  constructor(loads: InstanceLoads, clock: FakeClock, instance: string, workers: readonly number[]) {
    let randoms = 0;
    this.rebalancer = new Rebalancer(
      loads,
      {
        workers: () =>
          workers.map((clients, n) => ({
            clients,
            shed: (order) => {
              this.orders.push([n, order]);
              if (this.obeys) this.rebalancer.shed(order.count);
            },
          })),
        state: () => this.state,
        connections: () => workers.reduce((sum, each) => sum + each, 0),
        settings: () => ({
          automatic: this.automatic,
          rate: 0.01,
          weight: 1,
          patienceMs: DEFAULT_PATIENCE_MS,
        }),
      },
      { instance, capacity: 100_000, clock, logger: this.logger, random: () => ++randoms / 100 },
    );
    this.rebalancer.start();
  }

  get shed(): number {
    return this.orders.reduce((sum, [, { count }]) => sum + count, 0);
  }
}

function world(...instances: readonly (readonly number[])[]) {
  const clock = new FakeClock();
  const loads = new SharedLoads();
  const made = instances.map((workers, n) => new TestInstance(loads, clock, `i${n}`, workers));
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += DECISION_MS) {
      clock.advance(DECISION_MS);
      await clock.settle();
    }
  };
  return { clock, loads, instances: made as [TestInstance, TestInstance, ...TestInstance[]], pass };
}

const SETTLE_MS = settleMs(DEFAULT_PATIENCE_MS);
const CALM_MS = SETTLE_MS + 3 * DECISION_MS;

describe("a rebalancer", () => {
  it("has its workers send away, each its part, when an operator asks, and not before", async () => {
    const { instances, pass } = world([6_000, 2_000, 2_000], [0]);
    const [full, empty] = instances;
    await pass(60_000);
    expect(full.orders).toEqual([]);
    full.rebalancer.ask();
    await pass(DECISION_MS);
    expect(full.orders).toEqual([
      [0, { count: 120, spreadMs: 1_500, minAgeMs: 0 }],
      [1, { count: 40, spreadMs: 1_500, minAgeMs: 0 }],
      [2, { count: 40, spreadMs: 1_500, minAgeMs: 0 }],
    ]);
    expect(full.logger.lines.map(({ message }) => message)).toContain(
      "rebalance: clients are sent to other instances",
    );
    expect(full.rebalancer.report()).toMatchObject({
      phase: "shedding",
      hold: null,
      shed: 200,
      total: 10_000,
    });
    await pass(2 * DECISION_MS);
    expect(full.orders.at(-1)?.[1].minAgeMs).toBe(2 * DECISION_MS);
    for (const { rebalancer } of instances)
      expect(rebalancer.report().instances.map(({ sheds }) => sheds)).toEqual([true, false]);
    expect(empty.orders).toEqual([]);
  });

  it("tells the others what the operator wants: the one that was asked may carry nothing", async () => {
    const { instances, pass } = world([10_000], [0]);
    const [full, empty] = instances;
    await pass(CALM_MS);
    empty.rebalancer.ask();
    await pass(2 * DECISION_MS);
    expect(full.shed).toBeGreaterThan(0);
  });

  it("counts a wish once: what was asked for does not begin again after its round", async () => {
    const { instances, pass } = world([10_000], [0]);
    const [full, empty] = instances;
    await pass(CALM_MS);
    empty.rebalancer.ask();
    await pass(660_000);
    const { shed } = full;
    await pass(3_600_000 * 3);
    expect(full.shed).toBe(shed);
  });

  it("orders nothing while Redis is away, and some time after it is back", async () => {
    const { instances, loads, pass } = world([10_000], [0]);
    const [full] = instances;
    await pass(CALM_MS);
    full.rebalancer.ask();
    await pass(DECISION_MS);
    const { shed } = full;
    expect(shed).toBeGreaterThan(0);
    loads.isAway = true;
    await pass(60_000);
    expect(full.shed).toBe(shed);
    expect(full.rebalancer.phase).toBe("held");
    expect(full.rebalancer.report().hold).toContain("cannot be read from Redis");
    loads.isAway = false;
    await pass(SETTLE_MS - DECISION_MS);
    expect(full.shed).toBe(shed);
    await pass(3 * DECISION_MS);
    expect(full.shed).toBeGreaterThan(shed);
  });

  it("orders nothing on what Redis took too long to say: it may not be true any more", async () => {
    const { clock, instances, loads, pass } = world([10_000], [0]);
    const [full] = instances;
    await pass(CALM_MS);
    full.rebalancer.ask();
    loads.clock = clock;
    loads.delayMs = 5_500;
    await pass(30_000);
    expect(full.orders).toEqual([]);
    expect(full.rebalancer.report().hold).toContain("has not said what it carries for 5 s");
  });

  it("counts those as away that have gone, not those that were to go", async () => {
    const { instances, pass } = world([10_000], [0]);
    const [full] = instances;
    await pass(CALM_MS);
    full.rebalancer.ask();
    full.obeys = false;
    await pass(20_000);
    expect(full.orders.length).toBeGreaterThan(5);
    expect(full.rebalancer.report()).toMatchObject({ shed: 0, total: 10_000 });
    full.obeys = true;
    await pass(20_000);
    expect(full.rebalancer.report()).toMatchObject({ shed: 2_000, total: 10_400 });
  });

  it("orders nothing while an instance says nonsense, and says which", async () => {
    const { instances, loads, pass } = world([10_000], [0]);
    const [full] = instances;
    await pass(CALM_MS);
    full.rebalancer.ask();
    loads.said.set("strange", { instance: "strange", text: '{"connections":-5}', ageMs: 0 });
    await pass(60_000);
    expect(full.orders).toEqual([]);
    expect(full.rebalancer.report().hold).toContain("The instance strange says something");
  });

  it("says nothing any more once it has been drained, so that it holds nothing up", async () => {
    const { instances, loads, pass } = world([10_000], [0]);
    const [full, empty] = instances;
    await pass(CALM_MS);
    empty.state = "draining";
    await pass(2 * DECISION_MS);
    expect(full.rebalancer.report().hold).toBe("The instance i1 drains.");
    empty.state = undefined;
    await pass(2 * DECISION_MS);
    expect([...loads.said.keys()]).toEqual(["i0"]);
    await full.rebalancer.close();
    await empty.rebalancer.close();
    expect(loads.withdrawn).toEqual(["i1", "i0"]);
  });

  it("reports what each instance carries and would send away", async () => {
    const { instances, pass } = world([10_000], [10_000], [0]);
    await pass(CALM_MS);
    expect(instances[1].rebalancer.report()).toMatchObject({
      automatic: false,
      rate: 0.01,
      phase: "idle",
      spread: 1.5,
      total: 20_000,
      instances: [
        { instance: "i0", connections: 10_000, share: 6_667, over: 3_266, isAsked: false },
        { instance: "i1", connections: 10_000, share: 6_667, over: 3_266, isAsked: true },
        { instance: "i2", connections: 0, share: 6_667, over: 0, isAsked: false },
      ],
    });
    expect(Math.round(instances[1].rebalancer.share)).toBe(6_667);
  });
});

describe("an announcement", () => {
  const LOAD: InstanceLoad = {
    instance: "a",
    state: "serving",
    connections: 5,
    capacity: 10,
    weight: 1,
    away: 0,
  };

  it("is read as it was written", () => {
    expect(readAnnouncement("a", announcementText({ ...LOAD, asked: "w" }), 7)).toEqual({
      ...LOAD,
      asked: "w",
      ageMs: 7,
    });
  });

  it("fits into what an implementer of the seam takes", () => {
    const most = {
      ...LOAD,
      connections: 100_000_000,
      capacity: 100_000_000,
      away: 100_000_000,
      asked: "w".repeat(32),
    };
    expect(announcementText(most).length).toBeLessThan(512);
  });

  it.each([
    ["", "{", "[]", "null", "7", '"x"', "{}"],
    [JSON.stringify({ ...LOAD, connections: -1 })],
    [JSON.stringify({ ...LOAD, connections: 1.5 })],
    [JSON.stringify({ ...LOAD, connections: "5" })],
    [JSON.stringify({ ...LOAD, connections: 1e12 })],
    [JSON.stringify({ ...LOAD, capacity: null })],
    [JSON.stringify({ ...LOAD, weight: 0 })],
    [JSON.stringify({ ...LOAD, weight: 1e9 })],
    [JSON.stringify({ ...LOAD, away: -1 })],
    [JSON.stringify({ ...LOAD, state: "happy" })],
  ])("is unreadable where it makes no sense: %s", (...texts) => {
    for (const text of texts) expect(readAnnouncement("a", text, 0)).toBeUndefined();
  });
});
