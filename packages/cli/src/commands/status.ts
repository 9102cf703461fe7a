/**
 * `holdfast status`: a running gateway on one screen. Ends with 0 where it is ready, with 3 where it is not.
 */
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { Failure } from "../failure.js";
import type { Terminal } from "../terminal.js";
import { ratesJson } from "../watch/rates.js";
import { statusText } from "../watch/status-text.js";
import { type Wait, watchOnce } from "../watch/watched-gateway.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface StatusOptions extends AdminDestination {
  readonly json?: boolean;
}

const WARNINGS = 5;

export const waitFor: Wait = (ms, signal) => setTimeout(ms, undefined, { signal });

export function statusCommand(terminal: Terminal, wait: Wait = waitFor): Command {
  const command = new Command("status")
    .summary("show a gateway on one screen")
    .description(
      "Show a running gateway: ready or why not, connections, rates over a second, workers, drain and reload, the last warnings. Exit code: 0 ready, 3 not ready.",
    )
    .option("--json", "as JSON: an object with the overview, its rates and the warnings");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast status
  $ holdfast status --json | jq .rates`,
    )
    .action(async ({ json = false, ...options }: StatusOptions) => {
      const interrupted = terminal.interrupted();
      const client = adminOf(options, terminal);
      const { overview, rates } = await watchOnce(client, wait, interrupted);
      const warnings = await client.warnings(WARNINGS);
      await terminal.out(
        json
          ? JSON.stringify({ ...overview, rates: ratesJson(overview, rates), warnings }, null, 2)
          : statusText({ overview, rates, warnings }, { width: terminal.columns }),
      );
      if (!overview.ready) throw new Failure(`the gateway is not ready: ${overview.problems.join(" ")}`, 3);
    });
}
