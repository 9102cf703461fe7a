/**
 * Facts of a machine, a gateway, a Redis and a way where all is well, and the means to break one of them.
 */
import { type Fact, known, unknown } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { SYSCTL_KEYS, type SysctlKey } from "../facts/machine.js";

const GIB = 1024 ** 3;

const SYSCTL: Readonly<Record<SysctlKey, string>> = {
  "fs.nr_open": "1048576",
  "fs.file-max": "1300000",
  "fs.file-nr": "4000\t0\t1300000",
  "fs.epoll.max_user_watches": "1200000",
  "net.core.somaxconn": "65535",
  "net.core.netdev_max_backlog": "16384",
  "net.ipv4.tcp_max_syn_backlog": "65535",
  "net.ipv4.tcp_syncookies": "1",
  "net.ipv4.ip_local_port_range": "32768\t60999",
  "net.ipv4.ip_local_reserved_ports": "",
  "net.ipv4.tcp_mem": "800000\t1000000\t1250000",
  "net.ipv4.tcp_rmem": "4096\t16384\t262144",
  "net.ipv4.tcp_wmem": "4096\t16384\t262144",
  "net.ipv4.tcp_max_tw_buckets": "524288",
  "net.netfilter.nf_conntrack_max": "1310720",
  "net.netfilter.nf_conntrack_count": "1000",
  "net.netfilter.nf_conntrack_tcp_timeout_established": "3600",
  "vm.swappiness": "1",
  "kernel.random.entropy_avail": "256",
};

/** 100,000 connections on four CPUs. */
export function soundFacts(): Facts {
  const folder = (path: string) => known({ path, isWritable: true, freeBytes: 10 * GIB });
  return {
    wanted: known({ connections: 100_000, workers: 4 }),
    machine: {
      openFiles: known({ soft: 1_048_576, hard: 1_048_576 }),
      unit: known({ limitNofile: 1_048_576, tasksMax: 4096, timeoutStopMs: 300_000, oomPolicy: "continue" }),
      sysctl: Object.fromEntries(
        SYSCTL_KEYS.map((key) => [key, known(SYSCTL[key])]),
      ) as Facts["machine"]["sysctl"],
      adapters: known([
        { name: "eth0", counters: { conntrack_allowance_available: 200_000, pps_allowance_exceeded: 0 } },
      ]),
      swapBytes: known(0),
      hugePages: known("madvise"),
      memoryBytes: known(16 * GIB),
      groupMemory: known({ limitBytes: 12 * GIB, usedBytes: GIB }),
      cpu: known({ cpus: 4, quota: Number.POSITIVE_INFINITY }),
      throttled: known(0),
      pidsMax: known(Number.POSITIVE_INFINITY),
      isClockKept: known(true),
      temporary: folder("/tmp"),
      disk: folder("/var/log"),
    },
    node: {
      version: "22.12.0",
      runtime: "node",
      architecture: "arm64",
      flags: [],
      tlsRejectUnauthorized: undefined,
      debugVariables: [],
      userId: known(1000),
      nowMs: Date.parse("2026-11-29T00:00:00Z"),
    },
    gateway: soundGateway(),
    redis: soundRedis(),
    redisParts: {},
    outside: soundWay(),
  };
}

function soundGateway(): Facts["gateway"] {
  return {
    settings: known({
      host: "0.0.0.0",
      isPublic: true,
      isAdminPublic: false,
      port: [8080, 8081],
      accept: "primary",
      workers: 4,
      maxConnections: 100_000,
      backlog: 16_384,
      anonymous: false,
      knowsClients: true,
      hasAdminKey: true,
      origins: ["https://app.example"],
      showsCookies: false,
      tokenInUrl: false,
      proxyProtocol: false,
      trustedProxies: ["10.0.0.0/8"],
      hasAddressLimits: true,
      pingInterval: 25_000,
      pongTimeout: 8000,
      pollHold: 25_000,
      drainDelay: 70_000,
      drainWindow: 120_000,
      maxOutboxBytes: 1024 ** 2,
      maxPublicationBytes: 64 * 1024,
      logLevel: "info",
      hasRedis: true,
      secrets: [{ key: "jwtSecret", bits: 256, isExample: false }],
      plainUrls: [],
    }),
    problems: [],
    warnings: [],
    idleTimeoutMs: 60_000,
    running: known({
      url: "http://127.0.0.1:9080",
      notReady: [],
      connections: known(10_000),
      connectionsLimit: known(100_000),
      workers: known(4),
      workerRestarts: known(0),
    }),
  };
}

function soundRedis(): Facts["redis"] {
  return known({
    where: "redis://10.0.0.7:6379",
    kind: "single",
    isTls: false,
    hasPassword: true,
    isNear: true,
    answers: known(true),
    product: known({ name: "Redis", version: "7.0.15" }),
    mode: known("standalone"),
    role: known("master"),
    replicationId: known("8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb"),
    policy: known("noeviction"),
    maxMemoryBytes: known(4 * GIB),
    usedMemoryBytes: known(GIB),
    pubsubLimit: known({ hardBytes: 256 * 1024 ** 2, softBytes: 64 * 1024 ** 2, softSeconds: 60 }),
    persistence: known({ appendOnly: true, snapshots: true, problem: undefined }),
    replicas: known(1),
    denied: known([]),
    roundTripP99Ms: known(0.4),
    clockSkewMs: known(3),
    clients: known({ open: 30, most: 10_000 }),
    idleSeconds: known(0),
    shardedPubSub: known(true),
    forkMs: known(2),
  });
}

function soundWay(): Facts["outside"] {
  return known({
    url: "wss://push.example.com/ws",
    isSecure: true,
    isLocal: false,
    addresses: known(["192.0.2.1", "192.0.2.2"]),
    tls: known({ problem: undefined, protocol: "TLSv1.3", daysLeft: 60 }),
    health: known(200),
    upgrade: known({ status: 101, isAccepted: true }),
    subprotocol: known({ asked: "holdfast.v1.json", chosen: "holdfast.v1.json" }),
    connect: known({ pingMs: 25_000 }),
    idle: known({ pingMs: 25_000, livedMs: 31_000, isPinged: true }),
    stream: known({ status: 200, contentType: "text/event-stream", encoding: "", firstBytesMs: 12 }),
    foreignOrigin: known(403),
    adminPaths: known([]),
    longHead: known(200),
    proxy: known("TLS"),
    probe: known({
      ...{ from: "192.168.1.5", fromPort: 50_000, peer: "10.0.0.7", peerPort: 40_000 },
      ...{ address: "203.0.113.9", isProxy: true, claimed: "192.0.2.77" },
    }),
    clockSkewMs: known(200),
  });
}

/**
 * The same facts with values changed, by their path: `machine.swapBytes`, or `redis.value.policy`. A value in
 * the place of a fact becomes a known one.
 */
export function changed(facts: Facts, changes: Readonly<Record<string, unknown>>): Facts {
  const copy = structuredClone(facts);
  for (const [path, value] of Object.entries(changes)) {
    const parts = path.split("/");
    const last = parts.pop() ?? "";
    let place = copy as unknown as Record<string, unknown>;
    for (const part of parts) place = (place[part] as Record<string, unknown>) ?? {};
    if (!(last in place)) throw new RangeError(`no fact ${path}`);
    place[last] = isFact(place[last]) && !isFact(value) ? known(value) : value;
  }
  return copy;
}

function isFact(value: unknown): value is Fact<unknown> {
  return typeof value === "object" && value !== null && ("value" in value || "unknown" in value);
}

/** The same facts, with each that may be unknown so. */
export function allUnknown(facts: Facts, why: string): Facts {
  const erased = (value: unknown): unknown => {
    if (isFact(value)) return unknown(why);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, erased(each)]));
  };
  return erased(facts) as Facts;
}
