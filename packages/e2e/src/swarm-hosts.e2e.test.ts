/**
 * `holdfast swarm` over four load machines, each a network namespace: a run that loses one of them, and the
 * orders of an operator.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "@holdfast/swarm";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { MachineNetwork } from "./machine-network.js";
import { metric } from "./metrics-text.js";
import { HOLDFAST, Program } from "./program.js";
import { Resources } from "./resources.js";

// It takes half a minute where the machine has nothing else to do.
jest.setTimeout(150_000);
const SLOWLY_MS = 60_000;

const KEY = { HOLDFAST_SWARM_KEY: "the key of this test, long enough" };
const own = new Resources();
const folder = mkdtempSync(join(tmpdir(), "holdfast-hosts-"));
const network = MachineNetwork.open();
own.add({ close: () => rmSync(folder, { recursive: true, force: true }) });
own.add(network);

let gateway: GatewayProcess;
let agents: Program[];
let addresses: string[];

beforeAll(async () => {
  gateway = own.add(
    await GatewayProcess.start({
      args: ["--host", network.host, "--anonymous", "--max-connections", "2000"],
    }),
  );
  const first = await freePorts(4);
  const machines = [0, 1, 2, 3].map(() => own.add(network.add()));
  addresses = machines.map(({ address }, n) => `${address}:${first + n}`);
  agents = machines.map((machine, n) =>
    own.add(
      machine.run(process.execPath, [HOLDFAST, "swarm", "agent", "--listen", addresses[n] ?? ""], {
        env: KEY,
      }),
    ),
  );
  await Promise.all(agents.map((agent) => agent.line("waiting for a controller", SLOWLY_MS)));
});
afterAll(() => own.close());

function swarm(...args: string[]): Program {
  return own.add(Program.holdfast(["swarm", ...args], { env: KEY }));
}

async function order(...args: string[]): Promise<string> {
  const program = swarm(...args, "--agents", addresses[0] ?? "");
  expect([await program.exit(SLOWLY_MS), program.output]).toEqual([
    { code: 0, signal: null },
    expect.anything(),
  ]);
  return program.output;
}

describe(`four load machines${network.whyShared === undefined ? "" : `, all this one (${network.whyShared})`}`, () => {
  test("one dies and the others take its share; orders are obeyed; one report of all", async () => {
    writeFileSync(join(folder, "hosts"), `${addresses.join("\n")}\n`);
    const run = swarm(
      ...["run", "--url", gateway.ws(), "--admin", gateway.admin, "--report", folder],
      ...["--agents-file", join(folder, "hosts"), "--redistribute", "--churn-rate", "20"],
      ...["--connections", "200", "--rate", "1000", "--hold", "10m", "--send-rate", "40"],
      ...["--channels", "demo:{i%100}"],
    );
    await run.line(/^holding .* of 200/, SLOWLY_MS);
    agents[3]?.signal("SIGKILL");
    for (const pid of agents[3]?.processes() ?? []) process.kill(pid, "SIGKILL");
    await run.line("it had 50 connections; others open them", SLOWLY_MS);
    const connections = async () => metric((await gateway.adminGet("/metrics")).text, "holdfast_connections");
    await eventually("all are open again", async () => (await connections()) >= 195, SLOWLY_MS);
    expect(await order("set", "n", "260")).toMatch(/ 260 connections/);
    await eventually("there are more", async () => (await connections()) >= 255, SLOWLY_MS);
    // It tells the last line of progress, which is some moments old.
    await eventually("the status tells of them", async () =>
      /in run \w+, \d agents.*\n.* of 260/.test(await order("status")),
    );
    expect(await order("set", "n", "100")).toBe("from 260 to 100 connections");
    await eventually("there are fewer", async () => (await connections()) <= 100, SLOWLY_MS);
    await order("stop");
    expect([await run.exit(SLOWLY_MS), run.output]).toEqual([{ code: 0, signal: null }, expect.anything()]);
    const report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as Report;
    expect(report).toMatchObject({ ending: "stopped", lost: 0, moved: 50, connected: 100 });
    expect(report.hosts.map(({ connected, gone }) => [connected > 0, gone === null])).toEqual(
      expect.arrayContaining([
        [true, true],
        [true, true],
        [true, true],
        [false, false],
      ]),
    );
    expect(report.messages?.heard).toBeGreaterThan(0);
    const page = readFileSync(join(folder, "report.html"), "utf8");
    expect(page).toContain("Load machines");
    expect(page).not.toMatch(/(?:src|href)=/);
  });
});
