/**
 * Lets time pass in Redis: everything under a prefix gets older at once, so that no test waits for retention.
 *
 * Works on one server and on every master of a Cluster. Invariant: afterwards Redis holds what it would hold
 * had the time passed; what is then expired is gone.
 */
import type { Redis } from "ioredis";

/** Streams hold the fields d and t, when in ms: see lua/publish.lua. */
export async function age(server: Redis, prefix: string, ms: number): Promise<void> {
  for (const key of await server.keys(`${prefix}*`)) {
    const left = await server.pttl(key);
    if ((await server.type(key)) === "stream") {
      const entries = await server.xrange(key, "-", "+");
      await server.del(key);
      for (const [id, [, data = "", , at]] of entries) {
        await server.xadd(key, id, "d", data, "t", String(Number(at) - ms));
      }
    }
    // -1: for ever. What is not above 0 is deleted.
    if (left !== -1) await server.pexpire(key, left - ms);
  }
}
