/**
 * Checks of which server Redis is: that it answers, its version, its kind, its role.
 */
import { REDIS, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, warning } from "../check.js";
import { isKnown } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { isBelow } from "../version.js";
import { answering, of } from "./readers.js";

const whole = ({ redis }: Facts) => redis;

export const SERVER: readonly Check[] = [
  {
    code: "HF-R001",
    title: "Redis answers",
    why: "Without it workers do not hear each other, and an instance is not ready.",
    limits: [],
    mend: "Check the URL in `redis`, the user, the password and the network.",
    judge: given({ redis: whole }, ({ redis: { where, answers } }) =>
      isKnown(answers) ? ok(where) : failed(`${where}: ${answers.unknown}`),
    ),
  },
  {
    code: "HF-R002",
    title: "version",
    why: "Older ones lack commands of streams and of users.",
    limits: [WAY_THRESHOLDS.redisOldest],
    mend: "Install Redis 6.2 or later, or Valkey.",
    judge: given({ product: of(({ product }) => product) }, ({ product: { name, version } }) =>
      name === "Redis" && isBelow(version, WAY_THRESHOLDS.redisOldest.value)
        ? failed(`${name} ${version}`)
        : ok(`${name} ${version}`),
    ),
  },
  {
    code: "HF-R003",
    title: "topology",
    why: "A URL says how masters are found: of another kind, a failover is not noticed or commands are refused.",
    limits: [],
    mend: "Write `redis://` for one server, `redis+sentinel://` for Sentinels, `redis+cluster://` for a Cluster.",
    judge: given({ redis: answering, mode: of(({ mode }) => mode) }, ({ redis: { kind }, mode }) => {
      const expected = kind === "cluster" ? "cluster" : "standalone";
      return mode === expected
        ? ok(`${kind}, and it is ${mode}`)
        : failed(`the URL says ${kind}, and the server is ${mode}`);
    }),
  },
  {
    code: "HF-R004",
    title: "role",
    why: "A replica answers `PUBLISH` and tells few or no clients, and takes nothing that is kept.",
    limits: [],
    mend: "Name the master in `redis`, or let Sentinels name it.",
    judge: given({ redis: answering, role: of(({ role }) => role) }, ({ redis: { kind }, role }) =>
      role === "master" || (kind === "cluster" && role === "slave") ? ok(role) : failed(role),
    ),
  },
  {
    code: "HF-R005",
    title: "replication id",
    why: "Epochs are made from it: without it a client that comes back after a failover cannot be told what it missed.",
    limits: [REDIS.serverlessReplicationId],
    mend: "Allow `INFO` to the gateway's user (`+info`); with a service that hides `master_replid` the gateway works, and does not notice where a failover lost the end of a history and its offsets were given out again.",
    judge: given({ id: of(({ replicationId }) => replicationId) }, ({ id }) =>
      id === undefined || id === ""
        ? warning("`INFO replication` shows no master_replid")
        : ok("it is visible"),
    ),
  },
  {
    code: "HF-R006",
    title: "what the user may do",
    why: "A command that is refused is noticed when it is needed: at a reload, a revocation, a return.",
    limits: [],
    mend: "Give the user the rules of docs/operations.md, Redis, Users.",
    judge: given({ denied: of(({ denied }) => denied) }, ({ denied }) =>
      denied.length === 0 ? ok("all that the gateway needs") : failed(`refused: ${denied.join(", ")}`),
    ),
  },
  {
    code: "HF-R007",
    title: "password and TLS",
    why: "Whoever reaches Redis reads what is published and gives orders to all instances.",
    limits: [WAY_THRESHOLDS.tlsOldest],
    mend: "Give the gateway a user with a password, write `rediss://` beyond the private network, and keep Redis off public addresses.",
    judge: given({ redis: (facts) => facts.redis }, ({ redis: { hasPassword, isTls, isNear } }) => {
      const found = `${hasPassword ? "a password" : "no password"}, ${isTls ? "TLS" : "no TLS"}`;
      if (isNear) return hasPassword || isTls ? ok(found) : ok(`${found}, on a private address`);
      return hasPassword && isTls ? ok(found) : failed(`${found}, on a public address`);
    }),
  },
  {
    code: "HF-R008",
    title: "sharded pub/sub",
    why: "With classic pub/sub each member of a Cluster gets each publication: members add availability, not capacity.",
    limits: [WAY_THRESHOLDS.shardedPubSub, REDIS.opsPerSecond],
    mend: "Use Redis 7 or Valkey for a Cluster.",
    judge: given(
      { redis: answering, sharded: of(({ shardedPubSub }) => shardedPubSub) },
      ({ redis: { kind }, sharded }) =>
        sharded || kind !== "cluster"
          ? ok(sharded ? "supported" : "not supported, and not needed without a Cluster")
          : warning("not supported by this Cluster"),
    ),
  },
];
