/**
 * A plan as text: what to build, what it takes, what it costs, what is hit first.
 *
 * Owns words and units. The numbers are those of packages/platform. Invariant: each figure of the plan that
 * a person decides by is a line of its own.
 */
import type { Plan } from "@holdfast/platform";
import { bytes, grouped } from "./figures.js";

type Row = readonly [name: string, value: string];

/** Lines of names and values, in paragraphs with a title each. `connections`: what was asked for. */
export function planText(plan: Plan, connections: number): string {
  const parts: readonly (readonly [title: string, rows: readonly Row[]])[] = [
    ["Fleet", fleet(plan, connections)],
    ["Memory of an instance", memory(plan)],
    ["Redis", redis(plan)],
    ["Load balancer", balancer(plan)],
    ["Cost a month, US dollars, list prices of us-east-1", cost(plan)],
    ["The first limit", firstLimit(plan)],
  ];
  const width = Math.max(...parts.flatMap(([, rows]) => rows.map(([name]) => name.length)));
  const paragraphs = parts.map(([title, rows]) =>
    [title, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join("\n"),
  );
  const problems = [...plan.problems, ...plan.capacity.unknown].map((each) => `  ${each}`);
  if (problems.length > 0) paragraphs.push(["To look at", ...problems].join("\n"));
  return paragraphs.join("\n\n");
}

function fleet(plan: Plan, connections: number): Row[] {
  const { instances, instanceType, workersPerInstance, portsPerInstance, drain } = plan;
  return [
    ["connections", grouped(connections)],
    ["instances", `${instances} of ${instanceType}: all are held while one is gone`],
    ["workers", `${workersPerInstance} on each instance`],
    ["ports", `${portsPerInstance} on each instance, each a target of the load balancer`],
    [
      "connections each",
      `${grouped(plan.connectionsPerInstance)}; ${grouped(plan.connectionsWithoutOne)} while one is gone, with room`,
    ],
    ["ping interval", `${plan.pingIntervalSeconds} s`],
    ["drain", `delay ${drain.drainDelaySeconds} s, window ${drain.drainWindowSeconds} s`],
  ];
}

function memory({ memory: { gatewayBytes, kernelBytes, neededBytes, machineBytes } }: Plan): Row[] {
  return [
    ["user space", `${bytes(gatewayBytes)}, idle and after a collection`],
    ["kernel", bytes(kernelBytes)],
    ["needed", `${bytes(neededBytes)} with room for garbage, stalled readers and the system`],
    ["machine", bytes(machineBytes)],
  ];
}

function redis({ redis: { node, dataBytes, memoryBytes, ...load } }: Plan): Row[] {
  return [
    ["node", node === undefined ? "no single one: use Redis Cluster" : `${node.name}, and a replica`],
    ["data", bytes(dataBytes)],
    ["maxmemory", `at least ${bytes(memoryBytes)}`],
    ["bandwidth", `${bytes(load.egressBytesPerSecond)} a second to the instances`],
    ["commands", `${grouped(Math.ceil(load.commandsPerSecond))} a second`],
    ["connections", grouped(load.connections)],
  ];
}

function balancer({ loadBalancer: { units, charged } }: Plan): Row[] {
  const unit = (name: keyof typeof units, what: string): Row => [
    what,
    `${units[name].toFixed(1)} units${name === charged ? ", which is charged" : ""}`,
  ];
  return [unit("active", "open"), unit("new", "opened"), unit("bytes", "bytes")];
}

function cost({ dollarsPerMonth: { instances, loadBalancer, redis: cache, egress } }: Plan): Row[] {
  const known = [instances, loadBalancer, cache, egress];
  const sum = known.reduce<number>((total, each) => total + (each ?? 0), 0);
  const note = known.includes(undefined) ? " without what is unknown" : "";
  return [
    ["instances", dollars(instances)],
    ["load balancer", dollars(loadBalancer)],
    ["Redis", dollars(cache)],
    ["bytes out", dollars(egress)],
    ["sum", `${dollars(sum)}${note}`],
  ];
}

function firstLimit({ firstLimit: { id, connections, reason }, capacity }: Plan): Row[] {
  const [, second] = capacity.limits;
  const next: Row[] =
    second === undefined
      ? []
      : [["then", `${second.id}, at ${grouped(second.connections)} of one instance: ${second.reason}`]];
  return [["limit", `${id}, at ${grouped(connections)} connections`], ["why", reason], ...next];
}

function dollars(value: number | undefined): string {
  return value === undefined ? "unknown" : `$${grouped(Math.round(value))}`;
}
