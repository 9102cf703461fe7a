/**
 * How the checks of Redis read its facts.
 */
import { type Fact, known, within } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import type { RedisFacts } from "../facts/redis.js";

/** One fact of the server. */
export function of<Value>(pick: (redis: RedisFacts) => Fact<Value>): (facts: Facts) => Fact<Value> {
  return ({ redis }) => within(redis, pick);
}

/** All facts of a server that answers. */
export function answering({ redis }: Facts): Fact<RedisFacts> {
  return within(redis, (server) => within(server.answers, () => known(server)));
}
