/**
 * `holdfast doctor`: what is wrong, or will be, with a gateway's machine, runtime, settings, Redis and the
 * way to it.
 *
 * Owns flags, progress and the exit code. The checks are those of packages/doctor. Invariant: it changes
 * nothing anywhere.
 */
import { CHECK_GROUPS, type DoctorReport, examine, START_GROUPS } from "@holdfast/doctor";
import { WAY_THRESHOLDS } from "@holdfast/platform";
import { Command, Option } from "commander";
import { addSettingFlags } from "../config/flags.js";
import { parseDuration } from "../config/values/duration.js";
import { readFacts } from "../doctor/facts-reader.js";
import { publicUrl } from "../doctor/way/public-url.js";
import { Failure } from "../failure.js";
import type { Machine } from "../machine/machine.js";
import { doctorText } from "../output/doctor-text.js";
import { PhaseLine } from "../output/phase-line.js";
import { wantsColour } from "../output/pretty-lines.js";
import type { Terminal } from "../terminal.js";
import { TOKEN_ENV, tokenFrom } from "./client-token.js";

interface DoctorOptions {
  readonly json?: boolean;
  readonly pre?: boolean;
  readonly url?: string;
  readonly token?: string;
  readonly unit: string;
  readonly idleTimeout?: string;
  readonly wait: string;
}

const IDLE_TIMEOUT = `${WAY_THRESHOLDS.idleAssumedSeconds.value}s`;

export function doctorCommand(terminal: Terminal, readMachine: () => Machine): Command {
  const command = new Command("doctor")
    .summary("find what is wrong, and say how to mend it")
    .description(
      "Check the machine, Node.js, the settings, the running gateway, Redis and the way from outside. Exit code: 0 all is well, 4 warnings, 3 something failed.",
    )
    .addOption(new Option("--json", "as JSON"))
    .addOption(new Option("--pre", "before a start: only machine, Node.js and settings").conflicts("url"))
    .addOption(new Option("--url <url>", "the address that clients have, such as wss://push.example.com/ws"))
    .addOption(new Option("--token <token>", `what to connect there with (env: ${TOKEN_ENV})`))
    .addOption(new Option("--unit <name>", "the service's unit in systemd").default("holdfast.service"))
    .addOption(
      new Option(
        "--idle-timeout <duration>",
        `shortest idle timeout in front of the gateway (default: ${IDLE_TIMEOUT})`,
      ),
    )
    .addOption(new Option("--wait <duration>", "how long a ping is waited for at most").default("2m"));
  return addSettingFlags(command, "named")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast doctor --pre
  $ holdfast doctor --config /etc/holdfast/holdfast.json --url wss://push.example.com/ws
  $ holdfast doctor --json > report.json`,
    )
    .action((options: DoctorOptions & Readonly<Record<string, unknown>>) =>
      visit(options, terminal, readMachine()),
    );
}

async function visit(
  options: DoctorOptions & Readonly<Record<string, unknown>>,
  terminal: Terminal,
  machine: Machine,
): Promise<void> {
  const { json = false, pre = false, url, unit, idleTimeout = IDLE_TIMEOUT, wait } = options;
  const progress = new PhaseLine(terminal);
  const token = url === undefined ? undefined : tokenFrom(options.token, terminal.env);
  const groups = pre ? START_GROUPS : CHECK_GROUPS;
  let report: DoctorReport;
  try {
    const facts = await readFacts(
      {
        flags: options,
        isBefore: pre,
        url: url === undefined ? undefined : publicUrl(url),
        token,
        unit,
        idleTimeoutMs: durationOf("--idle-timeout", idleTimeout),
        silenceMs: durationOf("--wait", wait),
        onProgress: (text) => progress.show(text),
      },
      terminal,
      machine,
    );
    report = examine(groups, facts);
  } finally {
    progress.end();
  }
  const colour = terminal.columns !== undefined && wantsColour(terminal.env);
  await terminal.out(json ? JSON.stringify(report, null, 2) : doctorText(report, { colour }));
  const { failed, warning } = report.counts;
  if (report.exitCode === 3) throw new Failure(`${failed} ${failed === 1 ? "check" : "checks"} failed`, 3);
  if (report.exitCode === 4) throw new Failure(`${warning} ${warning === 1 ? "warning" : "warnings"}`, 4);
}

function durationOf(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new Failure(`${flag} must be a duration such as 60s or 2m, not ${JSON.stringify(text)}`, 2);
}
