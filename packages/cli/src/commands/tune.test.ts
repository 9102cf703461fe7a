/**
 * `holdfast tune`: what it prints, and what it writes below a folder.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sysctlFor } from "@holdfast/platform";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Machine } from "../machine/machine.js";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new TestTerminal();
  const options = { version: "1.0.0", readMachine: () => machine };
  const code = await runProgram(["tune", ...args], terminal, options);
  return { code, out: terminal.printed.join("\n"), err: terminal.errors.join("\n") };
}

describe("holdfast tune", () => {
  it("prints each line below its reason, and writes nothing", async () => {
    const { code, out } = await run("--connections", "200000");
    expect(code).toBe(0);
    for (const { key, value, reason } of sysctlFor(200_000, { cpus: 4 }))
      expect(out).toContain(`# ${reason}\n${key.includes("conntrack") ? "-" : ""}${key} = ${value}\n`);
    expect(out).toContain("# /etc/systemd/system/holdfast.service.d/60-holdfast.conf");
    expect(out).toMatch(/\n# .+\nLimitNOFILE=1048576\n/);
    expect(out).toMatch(/\n# .+\n\* hard nofile 1048576\n/);
  });

  it("gives a program the same", async () => {
    const { out } = await run(
      "--connections",
      "200000",
      "--drain-delay",
      "70s",
      "--drain-window",
      "1m",
      "--json",
    );
    const { connections, files } = JSON.parse(out);
    expect(connections).toBe(200_000);
    expect(files[2].lines.map(({ text }: { text: string }) => text)).toContain("TimeoutStopSec=145s");
  });

  it.each([
    [["--connections", "2000000", "--workers", "1"], "take more workers"],
    [["--connections", "many"], "whole number"],
    [
      ["--connections", "10", "--drain-delay", "70"],
      '--drain-delay must be a duration such as 30s or 2m, not "70"',
    ],
    [[], "required option '--connections <number>'"],
  ])("%j is asked for wrongly", async (args, message) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("holdfast tune --apply", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-tune-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  const sysctl = "etc/sysctl.d/60-holdfast.conf";

  it("shows the difference, keeps what was there, and writes", async () => {
    mkdirSync(path("etc/sysctl.d"), { recursive: true });
    writeFileSync(path(sysctl), "vm.swappiness = 60\n");
    const { code, out } = await run("--connections", "200000", "--apply", "--root", root);
    expect(code).toBe(0);
    expect(out).toContain("-vm.swappiness = 60\n");
    expect(out).toContain("+vm.swappiness = 1\n");
    expect(out).toContain(`wrote ${path(sysctl)}; what was there is in ${path(sysctl)}.bak1`);
    expect(out).toContain("sysctl --system");
    expect(readFileSync(path(`${sysctl}.bak1`), "utf8")).toBe("vm.swappiness = 60\n");
    expect(readFileSync(path(sysctl), "utf8")).toContain("\nvm.swappiness = 1\n");
    expect(readFileSync(path("etc/security/limits.d/60-holdfast.conf"), "utf8")).toContain("* hard nofile");
    expect(readdirSync(path("etc/systemd/system/holdfast.service.d"))).toEqual(["60-holdfast.conf"]);
  });

  it("changes nothing the second time, and keeps each backup", async () => {
    await run("--connections", "200000", "--apply", "--root", root);
    const again = await run("--connections", "200000", "--apply", "--root", root);
    expect(again.out.match(/: unchanged/g)).toHaveLength(3);
    expect(readdirSync(path("etc/sysctl.d"))).toEqual(["60-holdfast.conf"]);
    await run("--connections", "300000", "--apply", "--root", root);
    const { out } = await run("--connections", "400000", "--apply", "--root", root, "--json");
    expect(JSON.parse(out).written[0]).toEqual({ path: path(sysctl), backup: path(`${sysctl}.bak2`) });
    expect(readdirSync(path("etc/sysctl.d")).sort()).toEqual([
      "60-holdfast.conf",
      "60-holdfast.conf.bak1",
      "60-holdfast.conf.bak2",
    ]);
  });

  it("writes none where one cannot be written, and says what to do", async () => {
    mkdirSync(path("etc"));
    writeFileSync(path("etc/security"), "no folder");
    const { code, err } = await run("--connections", "200000", "--apply", "--root", root);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^holdfast: .*limits\.d\/60-holdfast\.conf cannot be written \(E\w+\): .* --root <folder>$/,
    );
    expect(readdirSync(path("etc"))).toEqual(["security"]);
  });

  it("says that it takes root where the folder is not its own", async () => {
    // Root may write anywhere but to the kernel's own folders.
    const folder = process.getuid?.() === 0 ? "/proc" : root;
    if (folder === root) chmodSync(root, 0o500);
    const { code, err } = await run("--connections", "200000", "--apply", "--root", folder);
    expect([code, err]).toEqual([1, expect.stringContaining("cannot be written")]);
  });
});
