import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { settingKeys } from "./config/schema.js";
import { flagOf } from "./config/setting.js";
import { SETTING_GROUPS } from "./config/setting-groups.js";
import type { Machine } from "./machine/machine.js";
import { runProgram } from "./program.js";
import { TestTerminal } from "./testing/terminal.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 1024,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};

describe("the program", () => {
  let terminal = new TestTerminal();
  beforeEach(() => {
    terminal = new TestTerminal();
    terminal.cwd = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  });
  afterEach(() => rmSync(terminal.cwd, { recursive: true }));

  const run = (...args: string[]) =>
    runProgram(args, terminal, { version: "1.2.3", readMachine: () => machine });

  it("says its version", async () => {
    expect(await run("--version")).toBe(0);
    expect(terminal.printed).toEqual(["1.2.3"]);
  });

  it.each([
    [[]],
    [["start"]],
    [["publish"]],
    [["broadcast"]],
    [["listen"]],
    [["config", "print"]],
    [["config", "check"]],
  ])("helps with examples: %j", async (command) => {
    expect(await run(...command, "--help")).toBe(0);
    expect(terminal.printed.join("\n")).toMatch(/^Examples:\n {2}\$ (.* )?holdfast /m);
  });

  it("says its version as a command, too", async () => {
    expect(await run("version")).toBe(0);
    expect(await run("version", "--json")).toBe(0);
    expect(terminal.printed[0]).toBe(
      `holdfast 1.2.3 (Node.js ${process.versions.node}, ${process.platform}-${process.arch})`,
    );
    expect(JSON.parse(terminal.printed[1] ?? "")).toMatchObject({ holdfast: "1.2.3" });
  });

  it.each([
    [[]],
    [["start"]],
    [["publish"]],
    [["broadcast"]],
    [["listen"]],
    [["disconnect"]],
    [["status"]],
    [["top"]],
    [["connections"]],
    [["connection"]],
    [["why"]],
    [["incidents"]],
    [["channels"]],
    [["presence"]],
    [["history"]],
    [["drain"]],
    [["reload"]],
    [["token"]],
    [["token", "create"]],
    [["token", "check"]],
    [["swarm", "run"]],
    [["swarm", "agent"]],
    [["swarm", "status"]],
    [["swarm", "set", "n"]],
    [["swarm", "stop"]],
    [["config"]],
    [["config", "print"]],
    [["config", "check"]],
    [["completion"]],
    [["version"]],
  ])("help fits into 80 columns: %j", async (command) => {
    expect(await run(...command, "--help")).toBe(0);
    const lines = terminal.printed.join("\n").split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it("has every setting in a group of the help of start, and in no other help", async () => {
    expect(Object.values(SETTING_GROUPS).flat().sort()).toEqual([...settingKeys].sort());
    await run("start", "--help");
    const help = terminal.printed.join("\n");
    for (const heading of Object.keys(SETTING_GROUPS)) expect(help).toContain(`\n${heading}:\n`);
    for (const key of settingKeys) expect(help).toMatch(new RegExp(` ${flagOf(key)}( |$)`, "m"));
    for (const command of [
      ["token", "create"],
      ["token", "check"],
      ["config", "print"],
      ["config", "check"],
    ]) {
      terminal.printed.length = 0;
      await run(...command, "--help");
      expect(terminal.printed.join("\n")).toContain(
        "Every setting is a flag here, too: `holdfast start --help`",
      );
      expect(terminal.printed.join("\n")).not.toMatch(/^ +--ping-interval/m);
    }
    expect(await run("config", "check", "--ping-interval", "30s", "--max-connections", "100")).toBe(0);
  });

  it.each([
    ["publish"],
    ["broadcast"],
    ["listen"],
    ["disconnect"],
    ["status"],
    ["top"],
    ["connections"],
    ["connection"],
    ["why"],
    ["incidents"],
    ["channels"],
    ["presence"],
    ["history"],
    ["drain"],
    ["reload"],
    ["token create"],
    ["token check"],
    ["doctor"],
    ["plan"],
    ["tune"],
    ["config print"],
    ["config check"],
    ["version"],
  ])("%s speaks JSON to programs", async (command) => {
    await run(...command.split(" "), "--help");
    expect(terminal.printed.join("\n")).toMatch(/^ +--json /m);
  });

  it("suggests the flag that was meant", async () => {
    expect(await run("start", "--prot", "8080")).toBe(2);
    expect(terminal.errors).toEqual(["holdfast: unknown option '--prot' (did you mean --port?)"]);
  });

  it.each([
    [["uptime"], /^holdfast: unknown command 'uptime': there are start, publish, .*; see `holdfast --help`$/],
    [["strat"], /^holdfast: unknown command 'strat' \(did you mean start\?\)$/],
    [["config", "prnt"], /^holdfast: unknown command 'prnt' \(did you mean print\?\)$/],
    [
      ["start", "--verbose"],
      /^holdfast: unknown option '--verbose': `holdfast start --help` lists the options$/,
    ],
    [
      ["publish", "news"],
      /^holdfast: missing required argument 'data': holdfast publish \[options\] <channel> <data>$/,
    ],
    [
      ["publish", "news", "two", "words"],
      /^holdfast: too many arguments .* Put quotes around what has spaces\.$/,
    ],
  ])("says what to type instead of %j", async (args, message) => {
    expect(await run(...args)).toBe(2);
    expect(terminal.errors).toEqual([expect.stringMatching(message)]);
  });

  it("prints the effective configuration from flag, environment and file", async () => {
    terminal.env.HOLDFAST_WORKERS = "2";
    writeFileSync(join(terminal.cwd, "holdfast.json"), '{"port": "8080-8083"}');
    expect(await run("config", "print", "--json", "--log-level", "warn")).toBe(0);
    expect(JSON.parse(terminal.printed[0] ?? "")).toMatchObject({
      workers: { value: 2, source: "HOLDFAST_WORKERS" },
      port: { value: "8080-8083", source: "holdfast.json" },
      logLevel: { value: "warn", source: "--log-level" },
    });
  });

  it("prints a file that can be fed back, and says what it leaves out", async () => {
    expect(
      await run("config", "print", "--file-format", "--workers", "2", "--admin-key", "0123456789abcdef"),
    ).toBe(0);
    expect(terminal.errors).toEqual([
      "left out, because they hold secrets: adminKey (--show-secrets includes them)",
    ]);
    writeFileSync(join(terminal.cwd, "printed.json"), terminal.printed[0] ?? "");
    expect(await run("config", "check", "printed.json", "--max-connections", "100")).toBe(0);
    expect(terminal.printed[1]).toBe("the configuration is right (printed.json, environment, flags)");
  });

  it("checks a configuration: everything that is wrong in one message, exit code 2", async () => {
    terminal.env.HOLDFAST_CONFIG = "other.json";
    terminal.env.HOLDFAST_HOTS = "x";
    writeFileSync(join(terminal.cwd, "other.json"), '{"prot": 1}');
    expect(await run("config", "check", "--port", "0x1f")).toBe(2);
    expect(terminal.errors).toEqual([
      [
        "holdfast: 3 problems in the configuration:",
        '  port must be a port, or a range of at most 256 ports such as 8080-8099, not "0x1f" [--port]',
        "  prot is not a setting (did you mean port?) [other.json]",
        "  HOLDFAST_HOTS is not a setting (did you mean HOLDFAST_HOST?)",
      ].join("\n"),
    ]);
  });

  it("warns of an open-files limit that the operator did not choose", async () => {
    expect(await run("config", "check")).toBe(0);
    expect(terminal.errors).toEqual([
      "warning: holds at most 2457 connections: a process may open 1024 files; raise it with `ulimit -n` or LimitNOFILE=",
    ]);
  });

  it("warns of an address for other instances where there are none", async () => {
    expect(await run("config", "check", "--max-connections", "100", "--advertise", "10.0.0.5:8080")).toBe(0);
    expect(terminal.errors).toEqual([
      "warning: advertise 10.0.0.5:8080 is for other instances of a cluster, and without redis there is none",
    ]);
  });

  it("warns of pages of any origin where the application knows visitors by their cookies", async () => {
    const hook = ["--webhook-connect-url", "https://app.example/connect", "--webhook-secret", "s".repeat(32)];
    expect(await run("config", "check", "--max-connections", "100", "--origins", "*", ...hook)).toBe(0);
    expect(terminal.errors).toEqual([
      "warning: origins * lets any page connect in the name of a visitor whose cookie the application knows; list your own pages",
    ]);
  });

  it("does not start with a wrong configuration", async () => {
    expect(await run("start", "--host", "0.0.0.0")).toBe(2);
    expect(terminal.errors[0]).toMatch(
      /^holdfast: 1 problem in the configuration:\n {2}host 0\.0\.0\.0 can be reached/,
    );
  });
});
