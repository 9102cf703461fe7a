/**
 * `holdfast doctor` as a person and a program read it, where nothing but this machine is looked at.
 */
import type { DoctorReport } from "@holdfast/doctor";
import { describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const machine = {
  cpus: 2,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
} as const;

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const terminal = new TestTerminal();
  Object.assign(terminal.env, env);
  const options = { version: "1.0.0", readMachine: () => machine };
  const code = await runProgram(["doctor", ...args], terminal, options);
  return { code, out: terminal.printed.join("\n"), err: terminal.errors.join("\n") };
}

const outcomes = (out: string): ReadonlyMap<string, string> => {
  const { groups } = JSON.parse(out) as DoctorReport;
  return new Map(
    groups.flatMap(({ results }) => results.map(({ code, outcome }) => [code, outcome] as const)),
  );
};

describe("holdfast doctor --pre", () => {
  it("looks at machine, Node.js and settings alone, and ends with what it found", async () => {
    const { code, out, err } = await run(["--pre", "--json", "--max-connections", "1000", "--origins", "*"]);
    const report = JSON.parse(out) as DoctorReport;
    expect(report.groups.map(({ title }) => title)).toEqual(["Machine", "Node.js", "Settings"]);
    expect(code).toBe(report.exitCode);
    expect(err).toContain("reading the machine …");
  });

  it("fails with what is broken, each with reason, remedy and link", async () => {
    const { code, out, err } = await run(["--pre", "--poll-hold", "2m"]);
    expect(code).toBe(3);
    expect(out).toMatch(
      / {2}failed {3}HF-G012 {2}how long a poll is held: 120 s, and an idle timeout of 60 s\n +why: {2}.+/,
    );
    expect(out).toContain("doctor.idle-assumed-seconds: 60 seconds (AWS SDK model of ELBv2)");
    expect(out).toContain("docs/doctor.md#hf-g012");
    expect(err).toMatch(/holdfast: \d+ checks? failed$/);
    expect(out).not.toContain("\x1b");
  });

  it("takes the idle timeout that is said", async () => {
    const { out } = await run(["--pre", "--json", "--poll-hold", "2m", "--idle-timeout", "350s"]);
    expect(outcomes(out).get("HF-G012")).toBe("ok");
  });

  it("finds settings that are wrong, and skips what follows from them", async () => {
    const { code, out } = await run(["--pre", "--json"], { HOLDFAST_PORT: "banana" });
    const found = outcomes(out);
    expect([code, found.get("HF-G001"), found.get("HF-G010"), found.get("HF-M001")]).toEqual([
      3,
      "failed",
      "skipped",
      "skipped",
    ]);
  });
});

describe("holdfast doctor", () => {
  it("says of each group that is not there why, in one line", async () => {
    const { out } = await run(["--admin-port", "0"]);
    expect(out).toContain("  skipped  HF-R001 to HF-R022: no redis is set: the broker is the embedded one");
    expect(out).toContain("  skipped  HF-O001 to HF-O017: no public URL was named: say --url wss://…");
    expect(out).toContain("HF-G040  readiness: adminPort is 0");
  });

  it.each([
    [["--port", "banana"], "--port"],
    [
      ["--url", "https://push.example.com"],
      '--url must be the address that clients have, such as wss://push.example.com/ws, not "https://push.example.com"',
    ],
    [["--url", "wss://a:b@push.example.com"], "--url must have no user name"],
    [["--wait", "30"], '--wait must be a duration such as 60s or 2m, not "30"'],
    [["--pre", "--url", "wss://push.example.com"], "cannot be used with"],
  ])("%j is asked for wrongly", async (args, message) => {
    const { code, err } = await run(args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});
