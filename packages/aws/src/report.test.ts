import { AGENT } from "@holdfast/platform";
import { describe, expect, it } from "@jest/globals";
import { allowancesOf, defaultInterface } from "./machine-counters.js";
import { embeddedMetrics, gatewayData, machineData } from "./report.js";

const METRICS = `# HELP holdfast_connections Open connections
holdfast_connections{worker="0"} 700
holdfast_connections{worker="1"} 500
holdfast_connections_limit 2000
holdfast_event_loop_delay_seconds{worker="0",quantile="0.99"} 0.004
holdfast_event_loop_delay_seconds{worker="1",quantile="0.99"} 0.021
holdfast_event_loop_delay_seconds{worker="1",quantile="1"} 3
holdfast_drain_state{state="serving"} 0
holdfast_drain_state{state="draining"} 1
`;

function named(data: readonly { metric: { name: string }; value: number }[]): Record<string, number> {
  return Object.fromEntries(data.map(({ metric, value }) => [metric.name, value]));
}

describe("the report of a gateway", () => {
  it("adds up connections, and takes the worst worker's delay", () => {
    expect(named(gatewayData(METRICS))).toEqual({
      Connections: 1200,
      FreeConnections: 800,
      LoopDelayP99: 21,
      Draining: 1,
    });
  });

  it("says nothing of a gateway that said nothing", () => {
    expect(gatewayData("")).toEqual([]);
  });
});

describe("the report of a machine", () => {
  const statistics = `NIC statistics:
     tx_timeout: 0
     bw_in_allowance_exceeded: 10
     conntrack_allowance_exceeded: 7
     conntrack_allowance_available: 76000
`;

  it("reads the allowances of the interface, and leaves out those that it has not", () => {
    expect(allowancesOf(statistics)).toEqual({
      bandwidthInAllowanceExceeded: 10,
      conntrackAllowanceExceeded: 7,
      conntrackAllowanceAvailable: 76000,
    });
  });

  it("reports counters by their growth, and a level as it is", () => {
    const before = allowancesOf(statistics);
    const now = { ...before, conntrackAllowanceExceeded: 12, bandwidthInAllowanceExceeded: 3 };
    expect(named(machineData(before, undefined))).toEqual({ ConntrackAllowanceAvailable: 76000 });
    expect(named(machineData(now, before))).toEqual({
      ConntrackAllowanceAvailable: 76000,
      ConntrackAllowanceExceeded: 5,
      BandwidthInAllowanceExceeded: 3,
    });
  });

  it("finds the interface of the default route", () => {
    const routes = "Iface\tDestination\tGateway\nens6\t0000A8C0\t0\nens5\t00000000\t0100A8C0\n";
    expect(defaultInterface(routes)).toBe("ens5");
    expect(defaultInterface("Iface\n")).toBeUndefined();
  });
});

describe("the embedded metric format", () => {
  it("names namespace, dimension and metrics as the policies of the kit do", () => {
    const line = JSON.parse(embeddedMetrics(gatewayData(METRICS), "gateways", 1_772_000_000_000));
    expect(line).toMatchObject({
      _aws: {
        Timestamp: 1_772_000_000_000,
        CloudWatchMetrics: [{ Namespace: AGENT.namespace, Dimensions: [[AGENT.dimension]] }],
      },
      [AGENT.dimension]: "gateways",
      [AGENT.metrics.connections.name]: 1200,
    });
    const names = line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
    for (const name of names) expect(typeof line[name]).toBe("number");
  });
});
