/**
 * Checks of what Redis keeps and holds: memory, eviction, buffers, disk, clients.
 */
import { REDIS, WAY_THRESHOLDS } from "@holdfast/platform";
import { bytes, type Check, count, failed, given, ok, percent, warning } from "../check.js";
import { mapped } from "../facts/fact.js";
import { answering, of } from "./readers.js";

const { redisUseShare, pubsubPublications } = WAY_THRESHOLDS;

export const KEEPING: readonly Check[] = [
  {
    code: "HF-R010",
    title: "eviction policy",
    why: "An evicted log is a gap for all who come back, an evicted lease a worker without members, an evicted secret worthless resume tokens.",
    limits: [REDIS.evictionPolicy],
    mend: "`CONFIG SET maxmemory-policy noeviction`, and the same in its file or parameter group.",
    judge: given({ policy: of(({ policy }) => policy) }, ({ policy }) => {
      if (policy === REDIS.evictionPolicy.value) return ok(policy);
      return policy.startsWith("allkeys") ? failed(policy) : warning(policy);
    }),
  },
  {
    code: "HF-R011",
    title: "maxmemory",
    why: "Without a limit Redis grows until the kernel kills it; with one it refuses what is to be kept, and says so.",
    limits: [REDIS.reservedPercent],
    mend: "Set `maxmemory` to three quarters of its machine's memory.",
    judge: given({ most: of(({ maxMemoryBytes }) => maxMemoryBytes) }, ({ most }) =>
      most === 0 ? warning("no limit") : ok(bytes(most)),
    ),
  },
  {
    code: "HF-R012",
    title: "memory in use",
    why: "At maxmemory publications that are to be kept are refused (`unavailable`).",
    limits: [redisUseShare],
    mend: "Raise `maxmemory`, or keep less: `historySize`, `historyTtl`, `eventsMaxBytes`.",
    judge: given(
      {
        used: of(({ usedMemoryBytes }) => usedMemoryBytes),
        most: of(({ maxMemoryBytes }) => maxMemoryBytes),
      },
      ({ used, most }) => {
        if (most === 0) return ok(`${bytes(used)} without a limit`);
        const found = `${bytes(used)} of ${bytes(most)} (${percent(used / most)})`;
        return used / most > redisUseShare.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-R013",
    title: "output buffer of listeners",
    why: "A worker with more than this waiting is disconnected, and all its channels have a gap.",
    limits: [REDIS.pubsubHardBytes, REDIS.pubsubSoftBytes, pubsubPublications],
    mend: '`CONFIG SET client-output-buffer-limit "pubsub 268435456 67108864 60"`, and the same in its file or parameter group.',
    judge: given(
      {
        limit: of(({ pubsubLimit }) => pubsubLimit),
        largest: ({ gateway }) => mapped(gateway.settings, ({ maxPublicationBytes }) => maxPublicationBytes),
      },
      ({ limit: { hardBytes, softBytes, softSeconds }, largest }) => {
        const found = `${hardBytes === 0 ? "no limit" : bytes(hardBytes)}, or ${bytes(softBytes)} for ${softSeconds} s`;
        const needed = Math.max(REDIS.pubsubHardBytes.value, largest * pubsubPublications.value);
        return hardBytes !== 0 && hardBytes < needed
          ? warning(`${found}; ${bytes(needed)} are wanted`)
          : ok(found);
      },
    ),
  },
  {
    code: "HF-R014",
    title: "persistence",
    why: "What survives a restart is what was written: history, revocations, the secret of resume tokens.",
    limits: [REDIS.bytesPerLog],
    mend: "`CONFIG SET appendonly yes`, or have a replica; look at the disk where a save failed.",
    judge: given(
      { kept: of(({ persistence }) => persistence), replicas: of(({ replicas }) => replicas) },
      ({ kept: { appendOnly, snapshots, problem }, replicas }) => {
        if (problem !== undefined) return failed(problem);
        const ways = [
          appendOnly ? "append-only file" : "",
          snapshots ? "snapshots" : "",
          replicas > 0 ? `${replicas} replicas` : "",
        ];
        const found = ways.filter((each) => each !== "").join(", ");
        if (found === "") return warning("nothing: a restart forgets all");
        return !appendOnly && replicas === 0
          ? warning(`${found} alone: a restart forgets the last minutes`)
          : ok(found);
      },
    ),
  },
  {
    code: "HF-R015",
    title: "connections",
    why: "Each worker has two or three: beyond `maxclients` a worker that starts is refused.",
    limits: [REDIS.maxclients],
    mend: "Raise `maxclients`, or have fewer workers per instance.",
    judge: given(
      { clients: of(({ clients }) => clients), wanted: ({ wanted }) => wanted },
      ({ clients: { open, most }, wanted: { workers } }) => {
        const own = (workers + 1) * 3;
        const found = `${count(open)} of ${count(most)}; an instance has up to ${own}`;
        return open + own > most ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-R016",
    title: "idle connections",
    why: "Redis that ends idle connections ends those that listen for rare news, too.",
    limits: [REDIS.pubsubSoftSeconds],
    mend: "`CONFIG SET timeout 0`.",
    judge: given({ redis: answering, seconds: of(({ idleSeconds }) => idleSeconds) }, ({ seconds }) =>
      seconds === 0
        ? ok("never ended")
        : seconds < 60
          ? warning(`ended after ${seconds} s`)
          : ok(`ended after ${seconds} s`),
    ),
  },
];
