/**
 * `holdfast reload`: has a running gateway read its settings again and replace its workers, as SIGHUP does,
 * and waits for it where that is asked for.
 *
 * With `--wait` it fails where the round ends early, with the gateway's own reason.
 */
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import type { AdminClient, ReloadAnswer } from "../admin-client.js";
import { Failure } from "../failure.js";
import { type JsonOption, sayOutcome } from "../output/outcome.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface ReloadCommandOptions extends AdminDestination, JsonOption {
  readonly wait?: boolean;
}

const POLL_MS = 500;

export function reloadCommand(terminal: Terminal): Command {
  const command = new Command("reload")
    .summary("read the settings again, replace the workers")
    .description(
      "Have a running gateway read its settings again and replace its workers one by one, as SIGHUP does. Wrong settings are refused with every problem, and the old ones go on.",
    )
    .option("--wait", "end when every worker is replaced, printing how many are left")
    .option("--json", "as JSON: an object a line, with state, left and total");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast reload --wait
  $ holdfast reload --url http://10.0.0.5:9080 --admin-key "$KEY"`,
    )
    .action(async ({ wait = false, json, ...options }: ReloadCommandOptions) => {
      const client = adminOf(options, terminal);
      const first = await client.reload();
      await sayOutcome(terminal, { json }, describe(first), first);
      if (wait) await untilReplaced(client, first, terminal, { json });
    });
}

async function untilReplaced(
  client: AdminClient,
  first: ReloadAnswer,
  terminal: Terminal,
  json: JsonOption,
): Promise<void> {
  const interrupted = terminal.interrupted();
  let last = describe(first);
  for (let progress = first; progress.state === "rolling"; ) {
    if (interrupted.aborted) throw new Failure("interrupted; the gateway goes on replacing its workers");
    await setTimeout(POLL_MS);
    progress = await client.reloadProgress();
    const line = describe(progress);
    if (line !== last) await sayOutcome(terminal, json, line, progress);
    last = line;
    if (progress.state === "failed" || progress.state === "stopped") {
      throw new Failure(`the reload ended early: ${progress.problem ?? "the gateway is going away"}`);
    }
  }
}

function describe({ state, left, total }: ReloadAnswer): string {
  switch (state) {
    case "rolling":
      return `replacing: ${left} of ${total} workers left`;
    case "done":
      return `done: all ${total} workers are replaced`;
    default:
      return `${state}: ${left} of ${total} workers were not replaced`;
  }
}
