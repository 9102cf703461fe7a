import { expect, it } from "@jest/globals";
import { isKnown, unknown } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { soundFacts } from "../testing/sound-facts.js";
import { REDIS_CHECKS } from "./redis.js";

const judge = (code: string, facts: Facts) => REDIS_CHECKS.find((check) => check.code === code)?.judge(facts);

it("judges each server that the settings name, and says which is the gravest", () => {
  const facts = soundFacts();
  if (!isKnown(facts.redis)) throw new Error("Redis is known");
  const { value } = facts.redis;
  const of = (changes: Partial<typeof value>) => ({ value: { ...value, ...changes } });
  const evicting = of({ policy: { value: "allkeys-lru" } });
  const parts = (redisParts: Facts["redisParts"]): Facts => ({ ...facts, redisParts });
  expect(judge("HF-R010", parts({ redisHistory: evicting }))).toMatchObject({
    outcome: "failed",
    found: "redisHistory: allkeys-lru",
  });
  expect(judge("HF-R010", parts({ redisHistory: of({}), redisPresence: of({}) }))).toMatchObject({
    outcome: "ok",
    found: "redis: noeviction; redisHistory: noeviction; redisPresence: noeviction",
  });
  const away = of({ where: "redis://10.0.0.9:6379", answers: unknown("ECONNREFUSED") });
  expect(judge("HF-R001", parts({ redisPresence: away }))).toMatchObject({
    outcome: "failed",
    found: "redisPresence: redis://10.0.0.9:6379: ECONNREFUSED",
  });
});
