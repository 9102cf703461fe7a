import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { connectionsPerInstance } from "./capacity.js";
import { loadBalancerCost } from "./cost.js";
import { connectionsByCpu, coresBusy, QUIET } from "./cpu.js";
import { connectionsByFiles, openFilesNeeded } from "./files.js";
import { idleTimers, mostPingSeconds, pingProblem } from "./idle-timers.js";
import { instanceType } from "./instance-types.js";
import { LIMIT_GROUPS, limitById } from "./limits/all.js";
import { plan } from "./plan.js";
import { REDIS_NODES, redisFor, WORKERS_TO_SHARE } from "./redis-plan.js";

describe("limits", () => {
  const all = LIMIT_GROUPS.flatMap(({ limits }) => limits);

  it("have an id of their own, a unit, a source and a reason", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { id, unit, source, reason } of all) {
      expect(id).toMatch(/^[a-z0-9]+\.[a-z0-9-]+$/);
      expect([unit, source, reason].filter((text) => text.length < 1)).toEqual([]);
    }
  });

  it("are found by their id", () => {
    expect(limitById("nlb.targets-cross-zone")?.value).toBe(500);
    expect(limitById("nlb.none")).toBeUndefined();
  });
});

describe("instance types", () => {
  it.each([
    ["m8g.xlarge", 4, 16, "arm64"],
    ["r8g.4xlarge", 16, 128, "arm64"],
    ["m7i-flex.large", 2, 8, "x86_64"],
    ["c7g.medium", 1, 2, "arm64"],
  ])("%s has %i CPUs and %i GiB", (name, cpus, gib, architecture) => {
    expect(instanceType(name)).toMatchObject({ cpus, memoryBytes: gib * 1024 ** 3, architecture });
  });

  it.each(["x1e.large", "m8g.3xlarge", "", "m7i.medium", "constructor.large", "m8g.toString"])(
    "%s is not guessed",
    (name) => {
      expect(instanceType(name)).toBeUndefined();
    },
  );
});

describe("the connections of an instance", () => {
  it("are those of its ports, where there is memory for more", () => {
    const { connections, first } = connectionsPerInstance("m8g.2xlarge", 2);
    expect(connections).toBe(110_000);
    expect(first.id).toBe("lb.connections-per-target-port");
  });

  it("are those of its memory, where there are ports for more", () => {
    const { first, limits, unknown } = connectionsPerInstance("c8g.large", 19);
    expect(first.id).toBe("memory");
    expect(limits.map(({ id }) => id)).toContain("cpu");
    expect(unknown).toEqual([expect.stringContaining("conntrack_allowance_available")]);
  });

  it("are those that the network interface tracks, once that is known", () => {
    const { first, unknown } = connectionsPerInstance("m7i-flex.large", 4, { conntrackAllowance: 76_952 });
    expect([first.id, first.connections, unknown]).toEqual(["ec2.conntrack-allowance-observed", 76_952, []]);
  });

  it("do not grow when anything is taken away", () => {
    const input = fc.record({
      cpus: fc.integer({ min: 1, max: 64 }),
      gib: fc.integer({ min: 4, max: 512 }),
      ports: fc.integer({ min: 1, max: 64 }),
      deliveriesPerConnection: fc.double({ min: 0, max: 50, noNaN: true }),
    });
    fc.assert(
      fc.property(input, ({ cpus, gib, ports, deliveriesPerConnection }) => {
        const type = (memory: number) =>
          ({
            name: "own",
            cpus,
            memoryBytes: memory * 1024 ** 3,
            architecture: "arm64",
            pricePerHour: undefined,
          }) as const;
        const busy = connectionsPerInstance(type(gib), ports, { traffic: { deliveriesPerConnection } });
        expect(connectionsPerInstance(type(gib), ports).connections).toBeGreaterThanOrEqual(busy.connections);
        expect(connectionsPerInstance(type(gib + 1), ports + 1).connections).toBeGreaterThanOrEqual(
          busy.connections,
        );
        expect(busy.connections).toBe(Math.min(...busy.limits.map(({ connections }) => connections)));
      }),
    );
  });

  it("of an unknown type need its numbers", () => {
    expect(() => connectionsPerInstance("z9.large", 1)).toThrow(
      "z9.large: unknown instance type; bring its CPUs",
    );
  });
});

describe("CPU and files", () => {
  it("agree in both directions", () => {
    const cases = [fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1000, max: 1_048_576 })] as const;
    fc.assert(
      fc.property(...cases, (count, openFiles) => {
        const byCpu = connectionsByCpu(count, QUIET);
        expect(coresBusy(byCpu, QUIET)).toBeLessThanOrEqual(count * 0.5);
        expect(coresBusy(byCpu + 1, QUIET)).toBeGreaterThan(count * 0.5 - 1e-9);
        const byFiles = connectionsByFiles(openFiles, count);
        expect(openFilesNeeded(byFiles, count)).toBeLessThanOrEqual(openFiles);
      }),
    );
  });
});

describe("idle timers", () => {
  it.each([
    ["nlb", "tcp", 350, 175],
    ["nlb", "tls", 6000, 175],
    ["nlb", "tcp", 6000, 1800],
    ["alb", "https", 60, 30],
  ] as const)("of %s, %s, %i s bear a ping every %i s", (kind, protocol, idle, ping) => {
    expect(mostPingSeconds(idleTimers(kind, protocol, idle))).toBe(ping);
  });

  it("name the one that a ping does not keep alive", () => {
    const timers = idleTimers("alb", "http", 60);
    expect(pingProblem(25, timers)).toBeUndefined();
    expect(pingProblem(60, timers)).toBe(
      "a ping every 60 s does not keep a connection alive through an idle timeout of 60 s (ALB, its idle timeout): at most 30 s",
    );
  });
});

describe("costs", () => {
  // platform facts of 2026-09-20: a million idle connections, without the hour of the load balancer
  // itself
  it.each([
    ["alb", "https", 1950],
    ["nlb", "tcp", 44],
    ["nlb", "tls", 1461],
  ] as const)(
    "of a million idle connections behind %s, %s: about $%i for units",
    (kind, protocol, dollars) => {
      const { dollarsPerMonth } = loadBalancerCost({
        kind,
        protocol,
        connections: 1_000_000,
        newPerSecond: 0,
        bytesPerSecond: 0,
      });
      expect(Math.abs(dollarsPerMonth - 0.0225 * 730 - dollars)).toBeLessThan(5);
    },
  );

  it("are charged by the largest dimension", () => {
    const load = {
      kind: "nlb",
      protocol: "tcp",
      connections: 1000,
      newPerSecond: 1600,
      bytesPerSecond: 10,
    } as const;
    expect(loadBalancerCost(load)).toMatchObject({ charged: "new", units: { new: 2 } });
  });
});

describe("Redis", () => {
  const load = { instances: 4, workersPerInstance: 4, publicationsPerSecond: 100, publicationBytes: 200 };

  it("is small where nothing is kept, and asks for noeviction", () => {
    const { node, parameters, problems } = redisFor(load);
    expect([node, problems]).toEqual([REDIS_NODES[0], []]);
    expect(parameters).toMatchObject({ "maxmemory-policy": "noeviction", "reserved-memory-percent": "25" });
  });

  it("hands a publication to each worker of a small instance, and once to a larger one", () => {
    const egress = (workersPerInstance: number) =>
      redisFor({ ...load, workersPerInstance }).egressBytesPerSecond;
    expect(egress(WORKERS_TO_SHARE)).toBe(egress(1));
    expect(egress(WORKERS_TO_SHARE - 1)).toBe((WORKERS_TO_SHARE - 1) * egress(1));
  });

  it("says what no single node does", () => {
    const { problems } = redisFor({
      ...load,
      publicationsPerSecond: 100_000,
      historyChannels: 1e6,
      historySize: 1000,
    });
    expect(problems).toEqual([
      expect.stringContaining("commands a second"),
      expect.stringContaining("no single node"),
    ]);
    expect(redisFor({ ...load, instances: 900, workersPerInstance: 32 }).problems[0]).toContain(
      "a node takes 65000",
    );
  });
});

describe("a plan", () => {
  it("for a million connections", () => {
    const made = plan({
      connections: 1_000_000,
      publicationsPerSecond: 20,
      subscribersPerPublication: 10_000,
    });
    expect(made.problems).toEqual([]);
    expect(made.capacity.connections).toBeGreaterThanOrEqual(made.connectionsWithoutOne);
    expect(made.memory.machineBytes).toBeGreaterThanOrEqual(made.memory.neededBytes);
    expect(made.firstLimit.connections).toBeGreaterThanOrEqual(1_000_000);
    expect(made.loadBalancer.charged).toBe("bytes");
    expect(made.dollarsPerMonth.instances).toBeGreaterThan(0);
  });

  it("holds everything while an instance is gone, for any number and load", () => {
    const input = fc.record({
      connections: fc.integer({ min: 1, max: 3_000_000 }),
      instanceType: fc.constantFrom("m8g.large", "m8g.xlarge", "c7g.2xlarge", "r8g.4xlarge"),
      loadBalancer: fc.constantFrom("nlb" as const, "alb" as const),
      publicationsPerSecond: fc.integer({ min: 0, max: 200 }),
      subscribersPerPublication: fc.integer({ min: 0, max: 20_000 }),
    });
    fc.assert(
      fc.property(input, (each) => {
        const made = plan(each);
        expect(made.capacity.connections * (made.instances - 1)).toBeGreaterThanOrEqual(each.connections);
        expect(made.instances).toBeGreaterThanOrEqual(2);
        if (each.loadBalancer === "alb") expect(made.portsPerInstance).toBeLessThanOrEqual(5);
      }),
    );
  });

  it("says where the quota of targets is too small", () => {
    const made = plan({ connections: 40_000_000, instanceType: "r8g.4xlarge", crossZone: true });
    expect(made.problems).toContainEqual(expect.stringContaining("quota of targets"));
    expect(made.firstLimit.id).toBe("lb.targets");
  });

  it("refuses a machine that holds nothing", () => {
    const tiny = {
      name: "tiny",
      cpus: 1,
      memoryBytes: 1024 ** 3,
      architecture: "arm64",
      pricePerHour: undefined,
    } as const;
    expect(() => plan({ connections: 10, instanceType: tiny })).toThrow("too small");
    expect(() => plan({ connections: 0 })).toThrow("connections must be a whole number above 0, not 0");
  });
});
