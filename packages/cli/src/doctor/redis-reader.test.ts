/**
 * What doctor finds out from a real Redis Cluster, with the users of docs/operations.md and with less.
 */
import { readFileSync } from "node:fs";
import { isKnown, type RedisFacts } from "@holdfast/doctor";
import { parseRedisUrl, RedisInspector, type RedisTarget } from "@holdfast/redis";
import { RedisCluster, RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readRedis } from "./redis-reader.js";

const operations = readFileSync(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
const [, RULES = ""] = /^ACL SETUSER holdfast (.*)$/m.exec(operations) ?? [];
const [, OF_CLUSTER = ""] = /gateway's user needs `([^`]*)` as well/.exec(operations) ?? [];

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(() => cluster.close());

async function factsWith(name: string, rules: string): Promise<RedisFacts> {
  for (const { url } of cluster.members) await tell(url, "ACL", "SETUSER", name, ...rules.split(" "));
  return factsOf(cluster.url.replace("://", `://${name}:secret1@`));
}

async function tell(url: string, command: string, ...args: string[]): Promise<void> {
  const inspector = await RedisInspector.open({ target: parseRedisUrl(url) as RedisTarget, timeoutMs: 5000 });
  await inspector.ask(command, ...args);
  await inspector.close();
}

async function factsOf(url: string): Promise<RedisFacts> {
  const facts = await readRedis({ url, prefix: "holdfast:", now: () => Date.now(), onProgress: () => {} });
  if (!isKnown(facts)) throw new Error(facts.unknown);
  return facts.value;
}

test("the documented user may do all that a Cluster takes", async () => {
  const { answers, denied } = await factsWith("whole", `${RULES} ${OF_CLUSTER}`);
  expect({ answers, denied }).toEqual({ answers: { value: true }, denied: { value: [] } });
});

test.each([
  ["without what a Cluster needs", RULES, ["CLUSTER SLOTS", "CLUSTER INFO"]],
  ["without the map of slots", `${RULES} +cluster|info`, ["CLUSTER SLOTS"]],
  ["without the state of the Cluster", `${RULES} +cluster|slots`, ["CLUSTER INFO"]],
])(
  "a user %s cannot be used, and what is refused is named",
  async (what, rules, denied) => {
    const facts = await factsWith(what.replaceAll(" ", "-"), rules);
    expect(isKnown(facts.answers)).toBe(false);
    expect(facts.denied).toEqual({ value: denied });
  },
  40_000,
);

test("a server without INFO is asked for all else, and hides its replication id", async () => {
  const server = await RedisServer.start({ args: ["--rename-command", "INFO", ""] });
  try {
    const { answers, denied, replicationId } = await factsOf(server.url);
    expect({ answers, denied, replicationId }).toEqual({
      answers: { value: true },
      denied: { value: ["INFO"] },
      replicationId: { value: undefined },
    });
  } finally {
    await server.close();
  }
});
