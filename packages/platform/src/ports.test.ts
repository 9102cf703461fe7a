import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import {
  connectionsOnPorts,
  conntrackTimeoutSeconds,
  groupsOfListeners,
  mostInstances,
  mostPorts,
  portsNeeded,
} from "./ports.js";

describe("ports", () => {
  it.each([
    [1, 1],
    [55_000, 1],
    [55_001, 2],
    [200_000, 4],
    [1_000_000, 19],
  ])("for %i connections: %i", (connections, ports) => {
    expect(portsNeeded(connections)).toBe(ports);
  });

  it("are the least number that holds the connections", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (connections) => {
        const ports = portsNeeded(connections);
        expect(connectionsOnPorts(ports)).toBeGreaterThanOrEqual(connections);
        expect(connectionsOnPorts(ports - 1)).toBeLessThan(connections);
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])("refuse %d connections", (connections) => {
    expect(() => portsNeeded(connections)).toThrow("connections must be a whole number above 0");
  });

  it("are at most five of an ALB", () => {
    expect([mostPorts("alb"), mostPorts("nlb")]).toEqual([5, 256]);
  });
});

describe("instances behind a load balancer", () => {
  it.each([
    ["nlb", 19, true, 3, 26],
    ["nlb", 19, false, 3, 78],
    ["nlb", 1, false, 8, 3000],
    ["alb", 5, true, 3, 200],
  ] as const)("%s with %i ports, cross-zone %s, %i zones: %i", (kind, ports, crossZone, zones, instances) => {
    expect(mostInstances({ kind, ports, crossZone, zones })).toBe(instances);
  });

  it("never register more targets than the quotas", () => {
    const shape = fc.record({
      kind: fc.constantFrom("nlb" as const, "alb" as const),
      ports: fc.integer({ min: 1, max: 256 }),
      crossZone: fc.boolean(),
      zones: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(shape, (each) => {
        const targets = mostInstances(each) * each.ports;
        expect(targets).toBeLessThanOrEqual(
          each.kind === "alb" ? LOAD_BALANCER.albTargets.value : LOAD_BALANCER.nlbTargets.value,
        );
      }),
    );
  });
});

describe("target groups", () => {
  it("are spread evenly over as few listeners as the quota of groups allows", () => {
    expect(groupsOfListeners("nlb", 4)).toEqual([4]);
    expect(groupsOfListeners("nlb", 7)).toEqual([4, 3]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), (ports) => {
        const groups = groupsOfListeners("nlb", ports);
        expect(groups.reduce((a, b) => a + b)).toBe(ports);
        expect(Math.max(...groups) - Math.min(...groups)).toBeLessThanOrEqual(1);
        expect(Math.max(...groups)).toBeLessThanOrEqual(LOAD_BALANCER.nlbGroupsPerListener.value);
      }),
    );
  });
});

it("connection tracking outlives every idle timeout and is never five days", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (idle) => {
      const seconds = conntrackTimeoutSeconds(idle);
      expect(seconds).toBeGreaterThanOrEqual(Math.min(idle, 431_999));
      expect(seconds).toBeGreaterThanOrEqual(350);
      expect(seconds).toBeLessThan(432_000);
    }),
  );
});
