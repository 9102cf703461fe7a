/**
 * The life of a fleet behind a load balancer, on one machine: three instances, a fourth is added, one is
 * terminated by its agent, a new version is rolled through. Clients and a publisher throughout.
 *
 * 300 clients and TCP here; `npm run rehearsal` is both kinds with 3,000 (HOLDFAST_REHEARSAL_CLIENTS,
 * docs/aws.md). Hosts are network namespaces where there may be some, and ports of this machine elsewhere.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { ClientGroups } from "./client-groups.js";
import { eventually } from "./deadline.js";
import { Fleet } from "./fleet.js";
import type { FleetInstance } from "./fleet-instance.js";
import { ReleaseFolder, thisRelease } from "./release-folder.js";
import { Resources } from "./resources.js";
import { SteadyPublisher } from "./steady-publisher.js";
import type { BalancerKind } from "./target-balancer.js";

const CLIENTS = Number(process.env.HOLDFAST_REHEARSAL_CLIENTS ?? 300);
const IS_SMALL = CLIENTS <= 500;
const INSTANCES = 3;
/** What an instance holds while another one is gone, and a tenth: as the kit of deploy/aws sizes it. */
const MOST = Math.ceil((CLIENTS * 11) / (10 * (INSTANCES - 1)));
const WINDOW_MS = IS_SMALL ? 3_000 : 30_000;
const CHANNELS = Array.from({ length: 10 }, (_, n) => `log:${n}`);
/** Messages a second over all channels. */
const RATE = IS_SMALL ? 30 : 8;
const SETTLE_MS = 240_000;
/** Between two looks at all connections: each is a scrape of every instance. */
const LOOK_MS = IS_SMALL ? 500 : 2_000;
const MOST_TOLD = 60;

/** Some 50 s on a machine of its own; a busy one is no failure. */
jest.setTimeout(IS_SMALL ? 360_000 : 1_200_000);

const own = new Resources();
afterEach(() => own.close());

/** The most connections that an instance was seen with, until it is closed. */
class LimitWatch {
  #state: "on" | "off" = "on";
  readonly #done: Promise<void>;
  most = 0;
  looks = 0;

  constructor(fleet: Fleet) {
    this.#done = this.#run(fleet);
  }

  async close(): Promise<void> {
    this.#state = "off";
    await this.#done;
  }

  async #run(fleet: Fleet): Promise<void> {
    while (this.#state === "on") {
      for (const instance of [...fleet.instances]) {
        // One that is just ending has no answer.
        this.most = Math.max(this.most, await instance.connections().catch(() => 0));
        this.looks++;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** Errors of clients and logs of the rest, for a rehearsal that fails. */
async function tellAll(fleet: Fleet, clients: ClientGroups): Promise<void> {
  const accounts = await clients.accounts();
  const logs = fleet.launched.flatMap(({ id, gateway }) =>
    gateway.log
      .filter(({ level }) => level >= 40)
      .map(({ msg, ...rest }) => `${id}: ${msg} ${JSON.stringify(rest)}`),
  );
  const parts = {
    "errors of clients": counted(accounts.flatMap(({ problems }) => problems)),
    "clients without a connection": counted(accounts.flatMap(({ waits }) => waits)),
    "load balancer": fleet.balancer.output.split("\n").slice(-MOST_TOLD),
    "logs of gateways": logs.slice(-MOST_TOLD),
  };
  for (const [part, lines] of Object.entries(parts))
    process.stdout.write(`${part}:\n  ${lines.join("\n  ")}\n`);
}

interface Stage {
  readonly fleet: Fleet;
  readonly clients: ClientGroups;
  readonly publisher: SteadyPublisher;
  readonly watch: LimitWatch;
}

async function rehearse(kind: BalancerKind): Promise<void> {
  const stage = await build(kind);
  const { fleet, clients } = stage;
  try {
    await live(stage);
    const where = fleet.network.whyShared === undefined ? "namespaces" : "ports";
    process.stdout.write(`rehearsal, ${kind}, ${where}: ${await checked(stage)}\n`);
  } catch (error) {
    await tellAll(fleet, clients);
    throw error;
  }
}

/** Three instances, a publisher, and no client yet. */
async function build(kind: BalancerKind): Promise<Stage> {
  let backend: RedisServer | undefined;
  const redis = async (host: string): Promise<string> => {
    backend = own.add(await RedisServer.start(host === "127.0.0.1" ? {} : { host }));
    return `redis://${host}:${backend.port}`;
  };
  const fleet = await Fleet.start({ kind, redis, mostConnections: MOST, drainWindowMs: WINDOW_MS }, own);
  const { whyShared } = fleet.network;
  if (whyShared !== undefined) process.stdout.write(`hosts are ports of this machine: ${whyShared}\n`);
  await Promise.all(Array.from({ length: INSTANCES }, () => fleet.launch(thisRelease())));
  const connect = (): Redis => new Redis(backend?.port ?? 0, { lazyConnect: true, retryStrategy: null });
  return {
    fleet,
    publisher: own.add(new SteadyPublisher({ connect, channels: CHANNELS, rate: RATE })),
    watch: own.add(new LimitWatch(fleet)),
    clients: own.add(new ClientGroups(CLIENTS)),
  };
}

/** What a fleet goes through. */
async function live({ fleet, clients }: Stage): Promise<void> {
  const join = (count: number): Promise<void> =>
    clients.join(count, (n) => ({
      url: fleet.balancer.url(n),
      channel: CHANNELS[n % CHANNELS.length] ?? "",
    }));
  const [now, next] = [thisRelease(), own.add(new ReleaseFolder("99.0.0"))];

  // Three instances, and a fourth.
  await join(Math.floor(CLIENTS * 0.8));
  const fourth = await fleet.launch(now);
  await join(CLIENTS - clients.size);
  expect(await fourth.connections()).toBeGreaterThan(0);

  // One is terminated.
  await sendAway(fleet, fleet.instances[0] as FleetInstance, clients);
  expect(fleet.instances).toHaveLength(INSTANCES);

  // A new version is rolled through: one more, then one less.
  for (const old of [...fleet.instances]) {
    await fleet.launch(next);
    await sendAway(fleet, old, clients);
  }
  expect(fleet.instances.map(({ version }) => version)).toEqual(fleet.instances.map(() => next.version));
  const held = await Promise.all(fleet.instances.map((each) => each.connections()));
  expect(held.reduce((sum, each) => sum + each, 0)).toBe(CLIENTS);
}

/** Says what was seen, when all that was promised is true. */
async function checked({ publisher, watch, clients }: Stage): Promise<string> {
  const published = await publisher.finish();
  const last = Object.fromEntries([...published].map(([channel, count]) => [channel, count - 1]));
  const isThrough = async (): Promise<boolean> => (await clients.behind(last)) === 0;
  await eventually("all clients have the last number", isThrough, SETTLE_MS);
  await watch.close();
  const accounts = await clients.accounts();
  expect(accounts).toHaveLength(CLIENTS);
  expect(accounts.flatMap(({ violations }) => violations)).toEqual([]);
  expect(accounts.flatMap(({ gaps }) => gaps)).toEqual([]);
  expect(counted(accounts.flatMap(({ problems }) => problems))).toEqual([]);
  expect(watch.looks).toBeGreaterThan(10);
  expect(watch.most).toBeGreaterThan(CLIENTS / 5);
  expect(watch.most).toBeLessThanOrEqual(MOST);
  const heard = accounts.reduce((sum, { received }) => sum + received, 0);
  const moves = accounts.reduce((sum, { returns }) => sum + returns.length, 0);
  return `${CLIENTS} clients, ${heard} numbers heard, 0 lost, 0 twice; ${moves} moves, at most ${watch.most} of ${MOST} connections at an instance`;
}

/** Each text once, with how often it came. */
function counted(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => `${count} × ${text}`);
}

/** Terminates an instance, and checks what its clients were promised. */
async function sendAway(fleet: Fleet, instance: FleetInstance, clients: ClientGroups): Promise<void> {
  const there = await instance.connections();
  const before = (await clients.accounts()).map(({ returns }) => returns.length);
  const { early, life } = await fleet.terminate(instance);
  expect([early, life]).toEqual([0, "proceeding"]);
  expect(instance.agentOutput).toContain("the gateway is drained");
  await eventually("all are back", () => clients.areAllConnected(), SETTLE_MS);
  const moved = (await clients.accounts()).flatMap(({ returns }, n) => returns.slice(before[n]));
  // Each of its clients was told once, and no other.
  expect(moved).toHaveLength(there);
  // Back when it was wanted, not before; timers may be a millisecond early.
  const hasty = moved.filter(({ dueAt, backAt = 0 }) => backAt < dueAt - 2);
  expect(hasty).toEqual([]);
  // The returns are spread over the window, and are no wave.
  const due = moved.map(({ dueAt }) => dueAt).sort((a, b) => a - b);
  const [first = 0, last = 0] = [due[0], due.at(-1)];
  expect(last - first).toBeGreaterThan(WINDOW_MS / 2);
  const quarters = [0, 1, 2, 3].map((n) => {
    const from = first + ((last - first) * n) / 4;
    return due.filter((at) => at >= from && at < from + (last - first) / 4).length;
  });
  expect(Math.max(...quarters)).toBeLessThan(there / 2);
}

describe("a fleet behind a load balancer grows, shrinks and is replaced under its clients", () => {
  test("TCP with PROXY v2, least connections and flow hash: none lost, none twice, returns are spread", () =>
    rehearse("network"));

  // CI has 45 minutes for everything, and each kind takes more than one of them.
  (IS_SMALL ? test.skip : test)("HTTP with X-Forwarded-For: the same", () => rehearse("application"));
});
