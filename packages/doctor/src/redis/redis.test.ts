import { unknown } from "../facts/fact.js";
import { breaking } from "../testing/breaking.js";
import { REDIS_CHECKS } from "./redis.js";

const set = (changes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`redis/value/${key}`, value]));
const MIB = 1024 ** 2;
const kept = (fields: object) =>
  set({ persistence: { appendOnly: false, snapshots: false, problem: undefined, ...fields } });

breaking("Redis", REDIS_CHECKS, {
  "HF-R001": [
    [
      { "redis/value": { where: "redis://10.0.0.7", answers: unknown("connect ECONNREFUSED") } },
      "failed",
      "redis://10.0.0.7: connect ECONNREFUSED",
    ],
  ],
  "HF-R002": [
    [set({ product: { name: "Redis", version: "6.0.16" } }), "failed", "Redis 6.0.16"],
    [set({ product: { name: "Valkey", version: "8.0.1" } }), "ok", "Valkey 8.0.1"],
  ],
  "HF-R003": [
    [set({ mode: "cluster" }), "failed", "the URL says single, and the server is cluster"],
    [set({ mode: "cluster", kind: "cluster" }), "ok", "cluster"],
  ],
  "HF-R004": [
    [set({ role: "slave" }), "failed", "slave"],
    [set({ role: "slave", kind: "cluster" }), "ok", "slave"],
  ],
  "HF-R005": [[set({ replicationId: undefined }), "warning", "no master_replid"]],
  "HF-R006": [[set({ denied: ["EVALSHA", "XADD"] }), "failed", "refused: EVALSHA, XADD"]],
  "HF-R007": [
    [set({ isNear: false }), "failed", "a password, no TLS, on a public address"],
    [set({ hasPassword: false }), "ok", "on a private address"],
  ],
  "HF-R008": [[set({ kind: "cluster", shardedPubSub: false }), "warning", "not supported by this Cluster"]],
  "HF-R010": [
    [set({ policy: "volatile-lru" }), "warning", "volatile-lru"],
    [set({ policy: "allkeys-lru" }), "failed", "allkeys-lru"],
  ],
  "HF-R011": [[set({ maxMemoryBytes: 0 }), "warning", "no limit"]],
  "HF-R012": [[set({ maxMemoryBytes: 1000 * MIB, usedMemoryBytes: 900 * MIB }), "warning", "(90 %)"]],
  "HF-R013": [
    [
      set({ pubsubLimit: { hardBytes: 8 * MIB, softBytes: 2 * MIB, softSeconds: 60 } }),
      "warning",
      "8.0 MiB, or 2.0 MiB for 60 s",
    ],
    [set({ pubsubLimit: { hardBytes: 0, softBytes: 0, softSeconds: 0 } }), "ok", "no limit"],
  ],
  "HF-R014": [
    [{ ...kept({}), ...set({ replicas: 0 }) }, "warning", "nothing: a restart forgets all"],
    [{ ...kept({ snapshots: true }), ...set({ replicas: 0 }) }, "warning", "snapshots alone"],
    [kept({ problem: "the last save failed" }), "failed", "the last save failed"],
  ],
  "HF-R015": [[set({ clients: { open: 90, most: 100 } }), "failed", "90 of 100; an instance has up to 15"]],
  "HF-R016": [[set({ idleSeconds: 30 }), "warning", "ended after 30 s"]],
  "HF-R020": [
    [set({ roundTripP99Ms: 12 }), "warning", "p99 12.00 ms"],
    [set({ roundTripP99Ms: 700 }), "failed", "p99 700.00 ms"],
  ],
  "HF-R021": [[set({ clockSkewMs: -9000 }), "failed", "9000 ms behind"]],
  "HF-R022": [[set({ forkMs: 400 }), "warning", "the last took 400.0 ms"]],
});
