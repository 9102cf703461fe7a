/**
 * What suites of the broker seam run against: brokers that share their publications, made anew for each test.
 *
 * Invariant: after a test each broker that it made is closed, then the world.
 */
import { afterEach, beforeEach } from "@jest/globals";
import type { Broker } from "../broker/broker.js";
import { BrokerListener } from "./broker-listener.js";

/** Brokers that share their publications, and power over what joins them. */
export interface BrokerWorld {
  /** Another broker of this world, not started. The suite closes it. */
  create(): Broker;
  /** Ends the world. Every broker is closed by then. */
  close(): Promise<void>;
}

/** The world of the test that runs, and its brokers. */
export interface Brokers<World extends BrokerWorld = BrokerWorld> {
  world(): World;
  /** A broker that has been started. */
  create(): BrokerListener;
  /** That many brokers, ready. The tuple's length is not known to the compiler: three are always typed. */
  ready(count: number): Promise<[BrokerListener, BrokerListener, BrokerListener]>;
}

/** A world per test with its listeners, closed after it. */
export function brokersPerTest<World extends BrokerWorld>(
  factory: () => World | Promise<World>,
): Brokers<World> {
  let world: World | undefined;
  let open: BrokerListener[] = [];
  beforeEach(async () => {
    world = await factory();
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map(({ broker }) => broker.close()));
    await world?.close();
  });
  const use: Brokers<World> = {
    world(): World {
      if (world === undefined) throw new Error("no test is running");
      return world;
    },
    create(): BrokerListener {
      const listener = new BrokerListener(use.world().create());
      open.push(listener);
      return listener;
    },
    async ready(count: number): Promise<[BrokerListener, BrokerListener, BrokerListener]> {
      const created = Array.from({ length: count }, () => use.create());
      await Promise.all(created.map((listener) => listener.reach("ready")));
      return created as [BrokerListener, BrokerListener, BrokerListener];
    },
  };
  return use;
}
