import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { GATEWAY } from "../limits/gateway.js";
import { measuredMemory } from "../memory.js";
import { channelClasses } from "./distribution.js";
import { scaleMarkdown } from "./markdown.js";
import { predict, type ScaleInput, workOf } from "./model.js";
import { deliveryMicros, pingMicros } from "./work.js";
import { WORKLOADS } from "./workloads.js";

const DOCUMENT = readFileSync("docs/performance.md", "utf8");
const TOLERANCE = 0.15;
const MIB = 1024 ** 2;

const QUIET: ScaleInput = {
  connections: 1_000_000,
  channels: 1_000,
  channelsPerConnection: 1,
  distribution: { kind: "uniform" },
  publishedTo: "evenly",
  publicationsPerSecond: 0,
  publicationBytes: 200,
  commandsPerConnection: 0,
  newPerSecond: 0,
  pingIntervalSeconds: 100,
  instanceType: "m8g.4xlarge",
  copies: "worker",
};

function section(heading: string): string {
  const from = DOCUMENT.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`docs/performance.md has no ${heading}`);
  return DOCUMENT.slice(from + 1).split(/\n##+ /)[0] + DOCUMENT.slice(from + 1);
}

/** A cell of the first row below a heading that begins so, by its column. */
function cell(heading: string, column: string, ...first: string[]): number {
  const lines = section(heading).split("\n");
  const at = lines.findIndex((line) => line.startsWith(`| ${first.join(" | ")} |`));
  const head = lines.slice(0, at).findLastIndex((line) => /^\|[ :|-]+$/.test(line)) - 1;
  const index = cellsOf(lines[head]).indexOf(column);
  const value = Number.parseFloat((cellsOf(lines[at])[index] ?? "").replaceAll(",", ""));
  if (Number.isNaN(value)) throw new Error(`${heading} has no ${column} of ${first.join(", ")}`);
  return value;
}

function cellsOf(line = ""): string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((each) => each.trim());
}

function figure(pattern: RegExp): number {
  const found = pattern.exec(DOCUMENT)?.[1];
  if (found === undefined) throw new Error(`docs/performance.md has no ${String(pattern)}`);
  return Number(found.replaceAll(",", ""));
}

function expectWithin(predicted: number, measured: number): void {
  expect(Math.abs(predicted / measured - 1)).toBeLessThanOrEqual(TOLERANCE);
}

/** Work of one instance. */
function work(changes: Partial<ScaleInput>, workers: number): ReturnType<typeof workOf> {
  const input = { ...QUIET, ...changes };
  return workOf(input, channelClasses(input), 1, workers);
}

describe("the model is within 15 % of the million run", () => {
  const heading = "## A million connections";

  test("memory of the gateway and of the kernel", () => {
    const { gatewayBytes, kernelBytes } = measuredMemory({ connections: 1_000_000, workers: 64 });
    expectWithin(gatewayBytes / MIB, figure(/gateway's memory \| ([\d,]+) MiB/));
    expectWithin((2 * kernelBytes) / MIB, figure(/kernel's memory \| ([\d,]+) MiB/));
  });

  test.each(["100,000", "300,000", "1,000,000"])("its growth at %s", (connections) => {
    const count = Number(connections.replaceAll(",", ""));
    const { gatewayBytes, kernelBytes } = measuredMemory({ connections: count, workers: 64 });
    expectWithin(gatewayBytes / MIB, cell(heading, "gateway, PSS", connections));
    expectWithin((2 * kernelBytes) / count, cell(heading, "kernel, bytes each (both ends)", connections));
  });

  test("idle CPU", () => {
    expectWithin(work({}, 64).pings * 100, figure(/gateway ([\d.]+) %, agents/));
  });
});

describe("the model is within 15 % of the bench", () => {
  test("idle: CPU and user space of 18,000 connections on one worker", () => {
    const of = (column: string): number =>
      cell("### Idle connections (idle)", column, "5,000 to 18,000 connections", "Holdfast");
    const cpu = of("idle CPU, % of a core");
    expectWithin(work({ connections: 18_000, pingIntervalSeconds: 25 }, 1).pings * 100, cpu);
    const bytes = (connections: number) => measuredMemory({ connections, workers: 1 }).gatewayBytes;
    expectWithin((bytes(18_000) - bytes(5_000)) / 13_000, of("user space, bytes each"));
  });

  test.each([5_000, 18_000])("fan-out to %d", (connections) => {
    const name = `${connections.toLocaleString("en-US")} subscribers`;
    const micros = cell("### Fan-out (fan-out)", "CPU, µs each", name, "Holdfast");
    const input = { connections, distribution: { kind: "broadcast" } as const, publicationsPerSecond: 10 };
    expectWithin((work(input, 1).deliveries * 1e6) / (10 * connections), micros);
  });

  test("a publication across two instances", () => {
    const micros = cell(
      "### Across instances (cross)",
      "CPU, both instances, µs each",
      "1,000 messages/s",
      "Holdfast",
    );
    const input = { ...QUIET, connections: 2_000, publicationsPerSecond: 1_000, channels: 1 };
    expectWithin(workOf(input, channelClasses(input), 2, 1).publications * 1_000, micros);
  });

  test("a handshake", () => {
    const of = (column: string): number =>
      cell("### Reconnect storm (storm)", column, "steady 1,000/s", "Holdfast");
    const micros = of("primary, µs each") + of("workers, µs each");
    expectWithin(work({ newPerSecond: 1_000 }, 2).handshakes * 1_000, micros);
  });
});

describe("the model", () => {
  test("interpolates between what was measured, and goes no further", () => {
    const [few, many] = [GATEWAY.microsPerPing.value, GATEWAY.microsPerPingTogether.value];
    expect([pingMicros(1), pingMicros(9_787 / 64), pingMicros(720), pingMicros(1e6)]).toEqual([
      few,
      few,
      many,
      many,
    ]);
    expect(deliveryMicros(10_000)).toBeGreaterThan(deliveryMicros(5_000));
    expect(deliveryMicros(1e9)).toBe(deliveryMicros(18_000));
  });

  test.each(WORKLOADS.map(({ name }) => name))("grows with its connections: %s", (name) => {
    const workload = WORKLOADS.find((each) => each.name === name);
    let before = 0;
    for (const size of [100_000, 1_000_000, 10_000_000]) {
      const input = workload?.input(size, "worker") ?? QUIET;
      const prediction = predict(input);
      expect(prediction.dollarsPerMonth.all).toBeGreaterThan(before);
      before = prediction.dollarsPerMonth.all;
      // While one instance is gone, the others spend half of their CPU and hold everything.
      const others = prediction.instances - 1;
      expect(prediction.cores).toBeLessThanOrEqual(others * prediction.workersPerInstance * 0.5);
      const once = predict({ ...input, copies: "instance" });
      expect(once.redis.messagesPerSecond).toBeLessThanOrEqual(prediction.redis.messagesPerSecond);
    }
  });

  test("says what no fleet can do", () => {
    const all = { ...QUIET, distribution: { kind: "broadcast" } as const, publicationsPerSecond: 100_000 };
    expect(() => predict(all)).toThrow("every further instance takes as much work as it does");
    expect(() => predict({ ...QUIET, instanceType: "z9.huge" })).toThrow("z9.huge: unknown instance type");
  });

  test("its page has a table for every workload, with no figure that is none", () => {
    const page = scaleMarkdown();
    for (const { name } of WORKLOADS) expect(page).toContain(`### ${name}`);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});
