/**
 * A real Redis Cluster for tests: three masters, no replicas, every slot covered.
 */
import { Redis } from "ioredis";
import { RedisServer } from "./redis-server.js";

const SLOTS = 16_384;
const MASTERS = 3;
const ARGS = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--appendonly", "no"];
const JOIN_TIMEOUT_MS = 20_000;
const ASK_AGAIN_MS = 50;

export class RedisCluster {
  readonly members: readonly RedisServer[];

  private constructor(members: readonly RedisServer[]) {
    this.members = members;
  }

  /** Resolves when every member says that the cluster is complete. */
  static async start(): Promise<RedisCluster> {
    const members = await Promise.all(
      Array.from({ length: MASTERS }, () => RedisServer.start({ args: ARGS })),
    );
    const cluster = new RedisCluster(members);
    const clients = members.map(({ port }) => new Redis(port, "127.0.0.1"));
    try {
      for (const [index, client] of clients.entries()) {
        const from = Math.floor((index * SLOTS) / MASTERS);
        const to = Math.floor(((index + 1) * SLOTS) / MASTERS) - 1;
        await client.cluster("ADDSLOTSRANGE", from, to);
        await client.cluster("SET-CONFIG-EPOCH", index + 1);
      }
      for (const { port } of members) await clients[0]?.cluster("MEET", "127.0.0.1", port);
      await Promise.all(clients.map(joined));
    } catch (error) {
      await cluster.close();
      throw error;
    } finally {
      for (const client of clients) client.disconnect();
    }
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.members.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }
}

/** Redis tells nobody when members have found each other: it has to be asked. */
async function joined(client: Redis): Promise<void> {
  const deadline = performance.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const info = String(await client.cluster("INFO"));
    const complete = info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`);
    if (complete) return;
    if (performance.now() > deadline) throw new Error(`the members did not find each other:\n${info}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
