/**
 * No ghost and no member missing: two instances of two workers on one Redis, clients in rooms that follow who
 * is there, and one fault after the other.
 *
 * HOLDFAST_PRESENCE_ROUNDS says how many rounds, HOLDFAST_FAULT_SEED replays a run. A line for each round is
 * printed.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { PresenceClient } from "./presence-client.js";
import { Resources } from "./resources.js";
import { SeededRandom } from "./seeded-random.js";
import { TcpRelay } from "./tcp-relay.js";

jest.setTimeout(120_000);

const FAULTS = [
  "kill a worker",
  "stop a worker beyond its lease",
  "kill an instance",
  "cut an instance off Redis",
  "restart Redis",
  "restart Redis without its data",
  "reload an instance",
  "cut connections",
] as const;

const ROUNDS = Number(process.env.HOLDFAST_PRESENCE_ROUNDS ?? FAULTS.length);
const SEED = Number(process.env.HOLDFAST_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
const random = new SeededRandom(SEED);

const LEASE_MS = 2_000;
const ALLOWED_MS = LEASE_MS + 2_000;
const ROOMS = 4;
const CLIENTS = 80;
/** Of the clients, in each round: go for good while the fault is under way, and others come. */
const CHANGING = 16;
const CONNECT_MS = 40_000;

const shared = new Resources();
const gateways: GatewayProcess[] = [];
let redis: RedisServer;
/** Between the first instance and Redis. */
let relay: TcpRelay;
let ports: readonly number[];
let clients: PresenceClient[] = [];
/** Those that are gone, too. */
const all: PresenceClient[] = [];

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startInstance(which: number): Promise<void> {
  const server = which === 0 ? `redis://127.0.0.1:${relay.port}` : redis.url;
  const args = [
    ...["--redis", server, "--port", String(ports[which])],
    ...["--presence-lease", `${LEASE_MS}ms`, "--presence-grace", "1s", "--drain-window", "1s"],
    ...["--namespaces", JSON.stringify({ room: { presence: true, joinLeave: "session" } })],
  ];
  gateways[which] = shared.add(await GatewayProcess.start({ args }));
}

function newClient(): PresenceClient {
  const urls = ports.map((port) => `ws://127.0.0.1:${port}/ws`);
  const room = `room:${random.between(1, ROOMS)}`;
  const client = shared.add(new PresenceClient(urls, room, random.between(0, urls.length - 1)));
  all.push(client);
  return client;
}

beforeAll(async () => {
  say(`presence: ${ROUNDS} rounds of seed ${SEED} (HOLDFAST_FAULT_SEED=${SEED} replays them)`);
  redis = shared.add(await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] }));
  relay = shared.add(await TcpRelay.start([redis.port]));
  const port = await freePorts(2);
  ports = [port, port + 1];
  for (const which of [0, 1]) await startInstance(which);
  clients = Array.from({ length: CLIENTS }, newClient);
});
afterAll(() => shared.close());

/**
 * Which clients see a wrong list of members, and the differences; `there` has the right lists. Empty when all
 * are right.
 */
function wrong(there: readonly PresenceClient[], watching = there): string[] {
  return watching.flatMap((client) => {
    const truth = there
      .filter(({ channel }) => channel === client.channel)
      .map(({ session }) => session)
      .sort();
    const { seen } = client;
    const ghosts = seen.filter((session) => !truth.includes(session));
    const missing = truth.filter((session) => !seen.includes(session));
    return ghosts.length + missing.length === 0
      ? []
      : [`${client.channel} ${client.session}: ghosts ${ghosts.join(" ")}; missing ${missing.join(" ")}`];
  });
}

/** Waits until every client sees the right members. Returns how long that took from now, ms. */
async function agree(there: readonly PresenceClient[], ms: number, watching = there): Promise<number> {
  const since = performance.now();
  await eventually("all see who is there", () => wrong(there, watching).length === 0, ms).catch((error) => {
    const problems = wrong(there, watching);
    throw new Error(`${problems.length} of ${watching.length} are wrong, the first: ${problems[0]}`, {
      cause: error,
    });
  });
  return performance.now() - since;
}

async function everybodySubscribed(): Promise<void> {
  await eventually("all are subscribed", () => clients.every(({ subscribed }) => subscribed), CONNECT_MS);
}

function on(which: number): readonly PresenceClient[] {
  return clients.filter(({ url }) => url !== "" && new URL(url).port === String(ports[which]));
}

/** Faults drive clients to one instance: a third is sent to the other one where it has few. */
async function mix(): Promise<void> {
  await everybodySubscribed();
  const [few, many] = [on(0), on(1)].sort((a, b) => a.length - b.length);
  if ((few?.length ?? 0) >= CLIENTS / 3) return;
  // They come back to the next address.
  for (const client of many?.slice(0, CLIENTS / 3) ?? []) client.cut();
  await eventually("some are on each instance", () => on(0).length > 0 && on(1).length > 0);
  await everybodySubscribed();
}

/** Some go and others come, now. */
function change(): void {
  for (const client of clients.splice(0, CHANGING)) client.close();
  clients.push(...Array.from({ length: CHANGING }, newClient));
}

function victim(): number {
  const pids = gateways[random.between(0, 1)]?.workerPids() ?? [];
  return random.pick(pids) ?? -1;
}

async function happen(fault: (typeof FAULTS)[number]): Promise<void> {
  const which = random.between(0, 1);
  const gateway = gateways[which];
  switch (fault) {
    case "kill a worker":
      process.kill(victim(), "SIGKILL");
      return change();
    case "stop a worker beyond its lease": {
      const pid = victim();
      process.kill(pid, "SIGSTOP");
      try {
        const frozen = new Set<PresenceClient>();
        await Promise.all(clients.map(async (client) => (await client.answers(1_500)) || frozen.add(client)));
        const awake = clients.filter((client) => !frozen.has(client));
        say(`  ${frozen.size} of ${clients.length} clients are on the stopped worker`);
        await agree(awake, ALLOWED_MS);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      return;
    }
    case "kill an instance":
      for (const pid of gateway?.program.processes() ?? []) process.kill(pid, "SIGKILL");
      await gateway?.program.gone();
      change();
      await pause(random.between(0, LEASE_MS));
      return startInstance(which);
    case "reload an instance": {
      gateway?.signal("SIGHUP");
      change();
      await gateway?.logged(({ msg }) => msg.includes("reloaded"));
      return;
    }
    case "cut an instance off Redis": {
      relay.away();
      try {
        const others = on(1);
        say(`  ${clients.length - others.length} of ${clients.length} clients are on the instance`);
        await agree(others, ALLOWED_MS);
      } finally {
        relay.back();
      }
      return change();
    }
    case "cut connections":
      for (const client of clients) if (random.next() < 0.5) client.cut();
      return change();
    case "restart Redis":
      await redis.stop();
      change();
      await pause(random.between(0, 2 * LEASE_MS));
      return redis.restart();
    case "restart Redis without its data":
      await redis.stop();
      rmSync(join(redis.directory, "appendonlydir"), { recursive: true, force: true });
      change();
      return redis.restart();
  }
}

test.each(
  Array.from({ length: ROUNDS }, (_, round) => {
    const fault = round < FAULTS.length ? FAULTS[round] : random.pick(FAULTS);
    return [round + 1, fault ?? "kill a worker"] as const;
  }),
)("round %i: %s", async (round, fault) => {
  await mix();
  await agree(clients, ALLOWED_MS);
  const rereads = all.reduce((sum, client) => sum + client.list.rereads, 0);
  await happen(fault);
  const over = performance.now();
  await everybodySubscribed();
  for (const gateway of gateways) await gateway.ready(CONNECT_MS);
  const connected = performance.now();
  await agree(clients, ALLOWED_MS);
  const [backMs, rightMs] = [connected - over, performance.now() - over].map(Math.round);
  expect(all.flatMap(({ violations }) => violations)).toEqual([]);
  const again = all.reduce((sum, client) => sum + client.list.rereads, 0) - rereads;
  say(
    `presence ${round}: ${fault}: all back ${backMs} ms after it, and right ${rightMs} ms after it; ${again} lists read again`,
  );
});
