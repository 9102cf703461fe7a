/**
 * `holdfast swarm run` against a real gateway: every connection opens, each receives a broadcast once,
 * nothing is left.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import type { Report } from "@holdfast/swarm";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { HaProxy } from "./haproxy.js";
import { Program, REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

let own: Resources;
let folder: string;

beforeEach(() => {
  own = new Resources();
  folder = mkdtempSync(join(tmpdir(), "holdfast-swarm-"));
  own.add({ close: () => rmSync(folder, { recursive: true, force: true }) });
});
afterEach(() => own.close());

async function gatewayFor(connections: number): Promise<GatewayProcess> {
  return own.add(await GatewayProcess.start({ args: ["--max-connections", String(connections)] }));
}

function swarm(gateway: Pick<GatewayProcess, "admin"> & { ws(): string }, ...args: string[]): Program {
  const target = ["--url", gateway.ws(), "--admin", gateway.admin];
  return own.add(Program.holdfast(["swarm", "run", ...target, "--report", folder, ...args], { group: true }));
}

function readReport(): Report {
  return JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as Report;
}

describe("swarm run", () => {
  test("2,000 connections hear a broadcast exactly once", async () => {
    const gateway = await gatewayFor(2_000);
    const args = ["--connections", "2000", "--agents", "3", "--rate", "4000", "--hold", "2s", "--broadcast"];
    const program = swarm(gateway, ...args);
    expect(await program.exit(60_000)).toEqual({ code: 0, signal: null });
    const report = readReport();
    expect(report).toMatchObject({ ending: "complete", connected: 2_000, givenUp: 0, lost: 0, agents: 3 });
    expect(report.rounds).toEqual([
      expect.objectContaining({ expected: 2_000, once: 2_000, missing: 0, repeated: 0, lost: 0 }),
    ]);
    // The primary, two workers, and the guard.
    expect(report.gatewayProcesses).toBe(4);
    expect(report.memory.gatewayBytes).toBeGreaterThan(0);
    expect(report.memory.kernelBytes).toBeGreaterThan(0);
    expect(report.samples.some(({ loopDelayP99Ms }) => loopDelayP99Ms !== null)).toBe(true);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("2,000 connections");
    expect(program.output).toContain("2,000 of 2,000 exactly once");
    await program.gone();
  });

  test.each(["websocket", "sse", "poll"])("comes with a token for each connection: %s", async (transport) => {
    const secret = "the swarm's secret, 32 characters or more";
    const args = ["--jwt-secret", secret.replaceAll(" ", "_"), "--max-connections", "300"];
    const gateway = own.add(await GatewayProcess.start({ args }));
    const where = { admin: gateway.admin, ws: () => gateway.http };
    const run = ["--connections", "100", "--hold", "1s", "--transport", transport, "--send-rate", "50"];
    const signing = ["--jwt-secret", secret.replaceAll(" ", "_"), "--channels", "room:{i}", "--user", "u{i}"];
    const program = swarm(where, ...run, ...signing);
    expect([await program.exit(60_000), program.output]).toEqual([
      { code: 0, signal: null },
      expect.anything(),
    ]);
    expect(readReport()).toMatchObject({ connected: 100, lost: 0, messages: { refused: 0 } });
    expect(readReport().messages?.heard).toBeGreaterThan(0);
    expect(readFileSync(join(folder, "report.json"), "utf8")).not.toContain("secret");
    const without = swarm(where, ...run, "--channels", "room:{i}");
    expect(await without.exit(60_000)).toEqual({ code: 1, signal: null });
    expect(without.output).toMatch(/HTTP 40[13].*Name a token with --token/);
  });

  test.each(["websocket", "sse", "poll"])(
    "clients on %s send to each other, and hear it once",
    async (transport) => {
      const gateway = own.add(await GatewayProcess.start({}));
      const target = gateway.ws().replace(/^ws(.*)\/ws$/, "http$1");
      const chatting = ["--channels", "demo:{i%150}", "--send-rate", "100", "--hold", "3s", "--broadcast"];
      const program = swarm(
        gateway,
        "--target",
        target,
        "--transport",
        transport,
        "--connections",
        "300",
        ...chatting,
      );
      expect(await program.exit(60_000)).toEqual({ code: 0, signal: null });
      const { rounds, messages } = readReport();
      expect(rounds).toEqual([
        expect.objectContaining({ expected: 300, once: 300, missing: 0, repeated: 0 }),
      ]);
      expect(messages?.sent).toBeGreaterThan(100);
      expect(messages).toMatchObject({ refused: 0, heard: 2 * (messages?.sent ?? 0) });
      await program.gone();
    },
  );

  test("the gateway counts their sessions and subscriptions while they are held", async () => {
    const gateway = await gatewayFor(200);
    const program = swarm(gateway, "--connections", "200", "--hold", "1m", "--channels", "a,b:{i}");
    await program.line("holding");
    const { text } = await gateway.adminGet("/metrics");
    expect(text).toMatch(/^holdfast_connections 200$/m);
    expect(text).toMatch(/^holdfast_subscriptions 400$/m);
    program.interrupt();
    await program.gone();
  });

  test("Ctrl-C ends every agent, and what was seen is reported", async () => {
    const gateway = await gatewayFor(200);
    const program = swarm(gateway, "--connections", "200", "--agents", "2", "--hold", "10m");
    await program.line("holding");
    program.interrupt();
    expect((await program.exit()).code).toBe(1);
    await program.gone();
    expect(program.output).toContain("holdfast: the run was interrupted");
    expect(readReport()).toMatchObject({ ending: "interrupted", connected: 200 });
  });

  test("an agent that is killed takes its connections with it, and the run says so", async () => {
    const gateway = await gatewayFor(200);
    const program = swarm(gateway, "--connections", "200", "--agents", "2", "--hold", "3s", "--broadcast");
    await program.line("holding");
    const agent = program.processes().findLast((pid) => pid !== program.pid) ?? -1;
    process.kill(agent, "SIGKILL");
    expect((await program.exit()).code).toBe(1);
    await program.gone();
    expect(program.output).toContain("100 sessions were lost; lost: agent ended (SIGKILL): 100");
    expect(readReport().rounds).toEqual([expect.objectContaining({ expected: 100, once: 100 })]);
  });

  test("agents end with a coordinator that is killed", async () => {
    const gateway = await gatewayFor(200);
    const program = swarm(gateway, "--connections", "200", "--agents", "2", "--hold", "10m");
    await program.line("holding");
    program.signal("SIGKILL");
    await program.gone();
  });

  test("a scenario: steps with expectations, and the exit code tells whether they were met", async () => {
    const gateway = await gatewayFor(500);
    const file = join(folder, "scenario.json");
    const play = (most: number) => {
      const steps = [
        { ramp: 100, rate: 500, expect: { connected: 100, givenUp: 0 } },
        { name: "talk", hold: "2s", sendRate: 50, broadcasts: 1, expect: { refused: 0, sent: { min: 20 } } },
        { storm: 60, within: "30s", expect: { connected: 100, again: { min: 60 }, lost: 0 } },
        { name: "fewer", ramp: 40, expect: { connected: { max: most } } },
      ];
      writeFileSync(file, JSON.stringify({ name: "in CI", channels: "demo:{i%50}", steps }));
      return swarm(gateway, "--scenario", file);
    };
    const good = play(40);
    expect([await good.exit(60_000), good.output]).toEqual([{ code: 0, signal: null }, expect.anything()]);
    expect(readReport().steps.map(({ name, expected, unmet }) => [name, expected, unmet.length])).toEqual([
      ["ramp", 2, 0],
      ["talk", 2, 0],
      ["storm", 3, 0],
      ["fewer", 1, 0],
    ]);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("Scenario: in CI");
    const bad = play(39);
    expect((await bad.exit(60_000)).code).toBe(1);
    expect(bad.output).toContain('step "fewer": connected is 40, not at most 39');
  });

  test("a drill: an instance drains, its clients go on at the other one, and the report shows it", async () => {
    const redis = own.add(await RedisServer.start());
    const first = await freePorts(2);
    const start = async (port: number) => {
      const args = ["--port", String(port), "--redis", redis.url, "--drain-window", "2s"];
      return own.add(await GatewayProcess.start({ args }));
    };
    const [drained, other] = await Promise.all([start(first), start(first + 1)]);
    const proxy = own.add(await HaProxy.balancing([first, first + 1]));
    const file = join(folder, "scenario.json");
    const steps = [
      { ramp: 60, rate: 200, expect: { connected: 60, givenUp: 0, again: 0 } },
      { drain: drained.admin, within: "30s", expect: { again: { min: 1 } } },
      {
        name: "after",
        hold: "3s",
        broadcasts: 1,
        expect: { connected: 60, broadcastMissing: 0, givenUp: 0 },
      },
    ];
    writeFileSync(file, JSON.stringify({ channels: "demo:{i%20}", reopen: true, steps }));
    const program = swarm({ admin: other.admin, ws: () => proxy.ws() }, "--scenario", file);
    expect([await program.exit(60_000), program.output]).toEqual([
      { code: 0, signal: null },
      expect.anything(),
    ]);
    const report = readReport();
    expect(report).toMatchObject({ ending: "complete", connected: 60, givenUp: 0 });
    expect(report.steps.map(({ name, do: kind }) => [name, kind])).toEqual([
      ["ramp", "ramp"],
      ["drain", "drain"],
      ["after", "hold"],
    ]);
    // Each client of the one that drained has come back once, and none of the other's has moved.
    const moved = report.steps.reduce((sum, { figures }) => sum + figures.again, 0);
    expect([moved, report.lost, report.again]).toEqual([30, 30, 30]);
    expect(report.steps[0]?.figures).toMatchObject({ lost: 0, again: 0 });
    expect(Object.keys(report.failures)).toEqual([expect.stringMatching(/^lost: .*drain/i)]);
    expect(report.rounds).toEqual([expect.objectContaining({ expected: 60, once: 60, repeated: 0 })]);
    const page = readFileSync(join(folder, "report.html"), "utf8");
    expect(page).toMatch(/<td[^>]*>drain<\/td>/);
    await program.gone();
  });

  test("a gateway that has no room for all: the run says how many and why", async () => {
    const gateway = await gatewayFor(50);
    const program = swarm(gateway, "--connections", "60", "--hold", "1s");
    await program.line("HTTP 503");
    program.interrupt();
    expect((await program.exit()).code).toBe(1);
    expect(readReport().connected).toBe(50);
  });
});

describe("what cannot be run", () => {
  test("a controller and an agent of two versions: both are named, and what to do", async () => {
    const cli = join(folder, "cli");
    for (const part of ["bin", "dist", "package.json"])
      cpSync(join(REPOSITORY, "packages/cli", part), join(cli, part), { recursive: true });
    symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
    const manifest = JSON.parse(readFileSync(join(cli, "package.json"), "utf8"));
    writeFileSync(join(cli, "package.json"), JSON.stringify({ ...manifest, version: "99.0.0" }));
    const env = { HOLDFAST_SWARM_KEY: "the key of this test, long enough" };
    const address = `127.0.0.1:${await freePorts(1)}`;
    const later = [join(cli, "bin/holdfast.js"), "swarm", "agent", "--listen", address];
    const agent = own.add(Program.start(process.execPath, later, { env }));
    await agent.line("agent of version 99.0.0", 30_000);
    for (const order of [["run", "--connections", "10", "--report", folder], ["status"], ["stop"]]) {
      const program = own.add(Program.holdfast(["swarm", ...order, "--agents", address], { env }));
      expect(await program.exit(30_000)).toEqual({ code: 1, signal: null });
      expect(program.output).toContain(
        `the agent at ${address}: the agent is version 99.0.0 (protocol 1), the controller is ${manifest.version} (protocol 1): install the same version on both`,
      );
    }
    expect(existsSync(join(folder, "report.json"))).toBe(false);
  });

  test("no gateway: one sentence, exit 1, no report", async () => {
    const port = await freePorts(2);
    const nobody = { ws: () => `ws://127.0.0.1:${port}/ws`, admin: `http://127.0.0.1:${port + 1}` };
    const program = swarm(nobody, "--connections", "10");
    expect((await program.exit()).code).toBe(1);
    expect(program.stderr.join("\n")).toBe(
      `holdfast: no gateway that accepts connections at ws://127.0.0.1:${port}/ws: nothing listens there. Start one with \`npx holdfast start --port …\`, or name it with --url`,
    );
    expect(existsSync(join(folder, "report.json"))).toBe(false);
  });

  test("a channel that may not be had: the gateway's own sentence", async () => {
    const gateway = await gatewayFor(10);
    const program = swarm(gateway, "--connections", "10", "--channels", "user:{i}");
    expect((await program.exit()).code).toBe(1);
    expect(program.output).toContain("HTTP 403");
  });

  test("a broadcast without an admin port", async () => {
    const gateway = await gatewayFor(10);
    const port = await freePorts(1);
    const program = swarm(
      gateway,
      "--connections",
      "10",
      "--admin",
      `http://127.0.0.1:${port}`,
      "--broadcast",
    );
    expect((await program.exit()).code).toBe(1);
    expect(program.output).toContain("cannot be used: nothing listens there. Broadcasts go through it");
  });
});
