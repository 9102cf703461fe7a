/**
 * `holdfast plan`, as a person and a program read it, and against the figures of docs/performance.md.
 */
import { readFileSync } from "node:fs";
import { type Plan, plan } from "@holdfast/platform";
import { describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new TestTerminal();
  const code = await runProgram(["plan", ...args], terminal, { version: "1.0.0" });
  return { code, out: terminal.printed.join("\n"), err: terminal.errors.join("\n") };
}

describe("holdfast plan", () => {
  it("says what a million connections take, what they cost, and what is hit first", async () => {
    const { code, out } = await run("--connections", "1000000", "--message-rate", "20", "--fan-out", "10000");
    expect(code).toBe(0);
    for (const word of [
      "instances",
      "workers",
      "ports",
      "user space",
      "kernel",
      "bandwidth",
      "units",
      "sum",
      "limit",
    ])
      expect(out).toMatch(new RegExp(`^  ${word}|${word}`, "m"));
    expect(out).toContain("connections       1,000,000");
    expect(out).toContain("The first limit");
  });

  it("gives a program the plan itself", async () => {
    const { out } = await run(
      "--connections",
      "200000",
      "--instance-type",
      "c8g.2xlarge",
      "--load-balancer",
      "alb",
      "--json",
    );
    const made = JSON.parse(out) as Plan;
    expect(made).toEqual(plan({ connections: 200_000, instanceType: "c8g.2xlarge", loadBalancer: "alb" }));
    expect(made.firstLimit.connections).toBeGreaterThanOrEqual(200_000);
  });

  it("takes every figure of the load", async () => {
    const flags = [
      "--message-size",
      "1KiB",
      "--command-rate",
      "1000",
      "--ping-interval",
      "50s",
      "--zones",
      "2",
    ];
    const kept = [
      "--history-channels",
      "1000",
      "--history-size",
      "100",
      "--members",
      "500",
      "--cross-zone",
      "--protocol",
      "tls",
    ];
    const { out } = await run("--connections", "100000", "--message-rate", "5", ...flags, ...kept, "--json");
    expect(JSON.parse(out)).toEqual(
      plan({
        connections: 100_000,
        publicationsPerSecond: 5,
        subscribersPerPublication: 1,
        publicationBytes: 1024,
        commandsPerConnection: 0.01,
        pingIntervalSeconds: 50,
        zones: 2,
        historyChannels: 1000,
        historySize: 100,
        members: 500,
        crossZone: true,
        protocol: "tls",
      }),
    );
  });

  it.each([
    [["--connections", "0"], "whole number from 1"],
    [
      ["--connections", "10", "--instance-type", "z9.large"],
      'holdfast: --instance-type "z9.large" is not known here',
    ],
    [["--connections", "10", "--protocol", "https"], "--protocol https is none of an nlb: write tcp or tls"],
    [
      ["--connections", "10", "--message-size", "4kb"],
      '--message-size must be a size such as 200B or 4KiB, not "4kb"',
    ],
    [
      ["--connections", "10", "--ping-interval", "25"],
      '--ping-interval must be a duration from 1s such as 25s, not "25"',
    ],
    [["--connections", "10", "--message-rate", "10000000"], "no plan for that"],
    [[], "required option '--connections <number>' not specified"],
  ])("%j is asked for wrongly", async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it("is within 15 % of the million run's memory: two instances that hold a million each", () => {
    const text = readFileSync("docs/performance.md", "utf8").split("## A million connections")[1] ?? "";
    const figure = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]?.replaceAll(",", ""));
    const mib = 1024 ** 2;
    const machine = {
      name: "of the run",
      cpus: 64,
      memoryBytes: 64 * 1024 ** 3,
      architecture: "x86_64",
      pricePerHour: undefined,
    } as const;
    const made = plan({ connections: 1_000_000, instanceType: machine, pingIntervalSeconds: 100 });
    expect(made).toMatchObject({ instances: 2, workersPerInstance: 64, connectionsPerInstance: 500_000 });
    const whole = plan({ connections: 2_000_000, instanceType: machine, pingIntervalSeconds: 100 });
    expect(whole).toMatchObject({ instances: 2, connectionsPerInstance: 1_000_000 });
    const away = (planned: number, measured: number): number => Math.abs(planned / measured - 1);
    const gateway = figure(/gateway's memory \| ([\d,]+) MiB/) * mib;
    const kernel = (figure(/kernel's memory \| ([\d,]+) MiB for both ends/) * mib) / 2;
    expect(away(whole.memory.gatewayBytes, gateway)).toBeLessThan(0.15);
    expect(away(whole.memory.kernelBytes, kernel)).toBeLessThan(0.15);
  });
});
