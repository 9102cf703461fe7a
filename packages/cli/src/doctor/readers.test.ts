/**
 * Facts as they are read from the texts of a system, each in the forms that it has.
 */
import { type Fact, isKnown } from "@holdfast/doctor";
import { describe, expect, it } from "@jest/globals";
import { TestTerminal } from "../testing/terminal.js";
import { readGroup } from "./control-group.js";
import { readMachineFacts } from "./machine-reader.js";
import { readNode } from "./node-reader.js";
import { isNear } from "./redis-reader.js";
import { secretBits } from "./secret-strength.js";
import { readService, spanOf } from "./service-reader.js";
import { readSettings } from "./settings-reader.js";
import type { SystemSource } from "./system-source.js";

const machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
} as const;

interface Fake {
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly programs?: Readonly<Record<string, string>>;
}

function system({ files = {}, folders = {}, links = {}, programs = {} }: Fake): SystemSource {
  return {
    read: (path) => files[path],
    list: (path) => folders[path] ?? [],
    link: (path) => links[path],
    isWritable: () => true,
    freeBytes: (path) => (path === "/gone" ? undefined : 1024),
    run: async (program, args) => programs[`${program} ${args[0]}`] ?? programs[program],
  };
}

const value = <Value>(fact: Fact<Value>): Value | string =>
  isKnown(fact) ? fact.value : `unknown: ${fact.unknown}`;

describe("a control group", () => {
  it("of version 2 is read at the nearest level that has the file", () => {
    const source = system({
      files: {
        "/proc/self/cgroup": "0::/system.slice/holdfast.service\n",
        "/sys/fs/cgroup/system.slice/holdfast.service/memory.max": "max\n",
        "/sys/fs/cgroup/system.slice/holdfast.service/memory.current": "4096\n",
        "/sys/fs/cgroup/system.slice/cpu.stat": "nr_periods 200\nnr_throttled 50\n",
        "/sys/fs/cgroup/system.slice/holdfast.service/pids.max": "4915\n",
      },
    });
    const { memory, throttled, pidsMax } = readGroup(source);
    expect(value(memory)).toEqual({ limitBytes: Number.POSITIVE_INFINITY, usedBytes: 4096 });
    expect([value(throttled), value(pidsMax)]).toEqual([0.25, 4915]);
  });

  it("of version 1 is read in the controller's folder", () => {
    const source = system({
      files: {
        "/proc/self/cgroup": "4:memory:/docker/9f\n0::/\n",
        "/sys/fs/cgroup/memory/docker/9f/memory.limit_in_bytes": "1073741824\n",
        "/sys/fs/cgroup/memory/docker/9f/memory.usage_in_bytes": "1024\n",
      },
    });
    expect(value(readGroup(source).memory)).toEqual({ limitBytes: 1024 ** 3, usedBytes: 1024 });
  });

  it("that cannot be read is unknown", () => {
    const { memory, throttled, pidsMax } = readGroup(system({}));
    for (const fact of [memory, throttled, pidsMax]) expect(isKnown<unknown>(fact)).toBe(false);
  });
});

describe("a service", () => {
  it("is what systemctl says", async () => {
    const output =
      "LoadState=loaded\nMainPID=812\nLimitNOFILE=1048576\nTasksMax=infinity\nTimeoutStopUSec=4min 50s\nOOMPolicy=continue\n";
    const { unit, pid } = await readService(system({ programs: { systemctl: output } }), "holdfast.service");
    expect(value(unit)).toEqual({
      limitNofile: 1_048_576,
      tasksMax: Number.POSITIVE_INFINITY,
      timeoutStopMs: 290_000,
      oomPolicy: "continue",
    });
    expect(pid).toBe(812);
  });

  it("that is not there says so", async () => {
    const missing = system({ programs: { systemctl: "LoadState=not-found\nMainPID=0\n" } });
    expect(value((await readService(missing, "x.service")).unit)).toBe(
      "unknown: systemd has no unit x.service: name it with --unit",
    );
    expect(value((await readService(system({}), "x.service")).unit)).toBe(
      "unknown: systemd cannot be asked here",
    );
  });

  it.each([
    ["1min 30s", 90_000],
    ["45s", 45_000],
    ["infinity", Number.POSITIVE_INFINITY],
    ["500ms", 500],
    ["0", 0],
  ])("has the span %s as %d ms", (text, ms) => {
    expect(spanOf(text)).toBe(ms);
  });
});

describe("a machine", () => {
  const service = { unit: { unknown: "no systemd" }, pid: 812 };

  it("is read from /proc, /sys and programs", async () => {
    const source = system({
      files: {
        "/proc/812/limits": "Max open files            1024                 4096                 files\n",
        "/proc/sys/net/core/somaxconn": "128\n",
        "/proc/meminfo": "MemTotal: 100 kB\nSwapTotal:      2048 kB\n",
        "/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
      },
      folders: { "/sys/class/net": ["lo", "eth0"] },
      links: { "/sys/class/net/eth0/device/driver": "../../bus/pci/drivers/ena" },
      programs: {
        ethtool: "NIC statistics:\n     conntrack_allowance_available: 76952\n",
        timedatectl: "no\n",
      },
    });
    const facts = await readMachineFacts(source, machine, service, 2.5);
    expect(value(facts.openFiles)).toEqual({ soft: 1024, hard: 4096 });
    expect(value(facts.sysctl["net.core.somaxconn"])).toBe("128");
    expect(value(facts.sysctl["net.netfilter.nf_conntrack_max"])).toBe(
      "unknown: connection tracking is not loaded",
    );
    expect(value(facts.adapters)).toEqual([
      { name: "eth0", counters: { conntrack_allowance_available: 76_952 } },
    ]);
    expect(value(facts.swapBytes)).toBe(2 * 1024 ** 2);
    expect([value(facts.hugePages), value(facts.isClockKept)]).toEqual(["always", false]);
    expect(value(facts.cpu)).toEqual({ cpus: 4, quota: 2.5 });
  });

  it("of which nothing can be read is unknown, with the place", async () => {
    const facts = await readMachineFacts(system({}), machine, service, 1);
    expect(value(facts.openFiles)).toContain("/proc/self/limits cannot be read");
    expect(value(facts.sysctl["fs.nr_open"])).toContain("/proc/sys/fs/nr_open cannot be read");
    expect(value(facts.adapters)).toContain("no EC2 instance");
    expect(value(facts.isClockKept)).toContain("unknown:");
  });

  it("without ethtool says to install it", async () => {
    const source = system({
      folders: { "/sys/class/net": ["eth0"] },
      links: { "/sys/class/net/eth0/device/driver": "../../bus/pci/drivers/ena" },
    });
    expect(value((await readMachineFacts(source, machine, service, 1)).adapters)).toContain("install it");
  });
});

describe("a Node.js", () => {
  it("has the flags of the command line and of NODE_OPTIONS", () => {
    const env = {
      NODE_OPTIONS: "--max-old-space-size=100  --inspect",
      NODE_DEBUG: "http",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    };
    const source = {
      version: "22.1.0",
      name: "node",
      architecture: "x64",
      execArgv: ["--jitless"],
      userId: undefined,
      now: () => 7,
    };
    expect(readNode({ env }, source)).toMatchObject({
      flags: ["--max-old-space-size=100", "--inspect", "--jitless"],
      tlsRejectUnauthorized: "0",
      debugVariables: ["NODE_DEBUG"],
      nowMs: 7,
    });
  });
});

describe("settings", () => {
  const secret = "q3xSxVEXAMPLEr2Vd8b1Yk0uTz6mWcA9";
  const terminal = (env: Record<string, string>): TestTerminal => {
    const made = new TestTerminal();
    Object.assign(made.env, env);
    return made;
  };

  it("are facts without a secret", () => {
    const read = readSettings(
      { host: "0.0.0.0", jwtSecret: secret },
      terminal({ HOLDFAST_JWKS_URL: "" }),
      machine,
    );
    expect(value(read.settings)).toMatchObject({
      isPublic: true,
      isAdminPublic: false,
      knowsClients: true,
      secrets: [{ key: "jwtSecret", isExample: true }],
    });
    expect(JSON.stringify(read.settings)).not.toContain(secret);
  });

  it("that ask others without TLS are named", () => {
    const env = { HOLDFAST_JWKS_URL: "http://issuer.example/keys" };
    expect(value(readSettings({}, terminal(env), machine).settings)).toMatchObject({
      plainUrls: [{ key: "jwksUrl", host: "issuer.example" }],
    });
  });

  it("that are wrong in the environment are a finding, and in a flag a mistake", () => {
    const read = readSettings({}, terminal({ HOLDFAST_PORT: "banana" }), machine);
    expect(read.problems).toEqual([expect.stringContaining("HOLDFAST_PORT")]);
    expect(value(read.settings)).toContain("HF-G001");
    expect(() => readSettings({ port: "banana" }, terminal({}), machine)).toThrow("--port");
  });
});

describe("a secret", () => {
  it.each([
    ["0123456789abcdef0123456789abcdef", 64],
    ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 4],
    ["3f9c1b7e5d2a8046c3e1f7b9a5d80264", 128],
    ["Zk3vQ9rT1xLw8sPd", 95],
  ])("such as %s has about %i bits", (text, bits) => {
    expect(secretBits(text)).toBe(bits);
  });
});

describe("an address of Redis", () => {
  it.each([
    ["127.0.0.1", true],
    ["10.1.2.3", true],
    ["172.31.0.1", true],
    ["redis", true],
    ["cache.abc.use1.cache.amazonaws.com", true],
    ["fd00::1", true],
    ["8.8.8.8", false],
    ["redis.example.com", false],
    ["2001:db8::1", false],
  ])("%s is near: %s", (host, near) => {
    expect(isNear(host)).toBe(near);
  });
});
