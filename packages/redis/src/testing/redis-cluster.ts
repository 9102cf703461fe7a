/**
 * A real Redis Cluster for tests: three masters, every slot covered. Slots can be moved from master to master
 * while the Cluster is in use, and a master can be replaced by a replica that was added.
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
  readonly #replicas: RedisServer[] = [];

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

  /**
   * Gives a slot to another master, key by key: meanwhile Redis answers ASK and TRYAGAIN. `between` is called
   * after each key.
   */
  async moveSlot(slot: number, to: number, between: () => Promise<void>): Promise<void> {
    const clients = this.members.map(({ port }) => new Redis(port, "127.0.0.1"));
    try {
      const ids = await Promise.all(clients.map(async (client) => String(await client.cluster("MYID"))));
      const [first] = clients;
      const ranges = (await first?.cluster("SLOTS")) ?? [];
      const owner = ranges.find(([from, until]) => from <= slot && slot <= until)?.[2]?.[2] ?? "";
      const source = clients[ids.indexOf(owner)];
      const [target, targetId] = [clients[to], ids[to]];
      if (source === undefined || target === undefined || targetId === undefined || source === target) return;
      await target.cluster("SETSLOT", slot, "IMPORTING", owner);
      await source.cluster("SETSLOT", slot, "MIGRATING", targetId);
      for (;;) {
        const [key] = (await source.cluster("GETKEYSINSLOT", slot, 1)) as string[];
        if (key === undefined) break;
        await source.migrate("127.0.0.1", this.members[to]?.port ?? 0, key, 0, 5000);
        await between();
      }
      const others = clients.filter((client) => client !== target && client !== source);
      for (const client of [target, source, ...others])
        await client.cluster("SETSLOT", slot, "NODE", targetId);
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  /** Resolves when a new replica has all that the master has, but for scripts, which are not passed on. */
  async addReplica(of: number): Promise<RedisServer> {
    const master = this.members[of];
    if (master === undefined) throw new Error("there is no such master");
    const replica = await RedisServer.start({ args: ARGS });
    this.#replicas.push(replica);
    const [asked, client] = [new Redis(master.port, "127.0.0.1"), new Redis(replica.port, "127.0.0.1")];
    try {
      await client.cluster("MEET", "127.0.0.1", master.port);
      const id = String(await asked.cluster("MYID"));
      await until("the replica knows its master", async () =>
        String(await client.cluster("NODES")).includes(id),
      );
      await client.cluster("REPLICATE", id);
      await until("the replica is in step", async () =>
        (await client.info("replication")).includes("master_link_status:up"),
      );
      await until("the others know the replica", async () =>
        String(await asked.cluster("NODES")).includes(`:${replica.port}@`),
      );
    } finally {
      asked.disconnect();
      client.disconnect();
    }
    return replica;
  }

  /** The replica takes the place of its master, which goes on as its replica. */
  async promote(replica: RedisServer): Promise<void> {
    const client = new Redis(replica.port, "127.0.0.1");
    try {
      await client.cluster("FAILOVER");
      await until("the replica is a master", async () => (await client.role())[0] === "master");
    } finally {
      client.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.members, ...this.#replicas].map((member) => member.close()));
  }
}

/** Redis does not announce when members have found each other: it has to be asked. */
function joined(client: Redis): Promise<void> {
  return until("the members have found each other", async () => {
    const info = String(await client.cluster("INFO"));
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`);
  });
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + JOIN_TIMEOUT_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
