/**
 * `holdfast rebalance`: has the instances of a cluster that carry more than their share send clients to the
 * others, or says what they would do.
 */
import type { RebalanceReport } from "@holdfast/gateway";
import { Command, Option } from "commander";
import { settings } from "../config/schema.js";
import { envOf } from "../config/setting.js";
import { grouped } from "../output/figures.js";
import { plainText } from "../output/plain-text.js";
import { table } from "../output/table.js";
import type { Terminal } from "../terminal.js";
import { INSTANCE_COLUMNS } from "../watch/instance-columns.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface RebalanceOptions extends AdminDestination {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function rebalanceCommand(terminal: Terminal): Command {
  const command = new Command("rebalance")
    .summary("even out a cluster's clients")
    .description(
      `Have the instances of a cluster that carry more than their share send clients to the others, as after new instances have joined: idle clients first, no faster than ${envOf("rebalanceRate")} says. Their clients lose nothing that a channel's history keeps.`,
    )
    .addOption(new Option("--dry-run", "say what each instance carries and would send away, and do nothing"))
    .option("--json", "as JSON: an object with the instances");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Any instance of the cluster can be asked. The rate is a setting of each instance (default: ${settings.rebalanceRate.default} of 1,000 clients a second).

Examples:
  $ holdfast rebalance --dry-run
  $ holdfast rebalance
  $ holdfast rebalance --dry-run --json | jq .spread`,
    )
    .action(async ({ dryRun = false, json = false, ...options }: RebalanceOptions) => {
      const client = adminOf(options, terminal);
      const report = await client.rebalance(!dryRun);
      await terminal.out(
        json
          ? JSON.stringify(report, null, 2)
          : reportText(report, { isBegun: !dryRun, width: terminal.columns }),
      );
    });
}

function reportText(
  report: RebalanceReport,
  { isBegun, width }: { readonly isBegun: boolean; readonly width: number | undefined },
): string {
  const { instances, total, spread, hold } = report;
  const { head, lines } = table(INSTANCE_COLUMNS, instances, { width });
  const said = instances.length === 0 ? [] : [head, ...lines];
  const sums = `${grouped(total)} clients at ${instances.length} instances, spread ${Math.round(spread * 100)} % of the mean`;
  return [
    ...said,
    sums,
    verdict(report, isBegun),
    ...(hold === null ? [] : [`not now: ${plainText(hold)}`]),
  ].join("\n");
}

function verdict({ instances, rate }: RebalanceReport, isBegun: boolean): string {
  const over = instances.filter((each) => each.over > 0);
  if (over.length === 0) return "nothing to do: no instance is far enough above its share";
  const clients = over.reduce((sum, each) => sum + each.over, 0);
  const seconds = Math.max(...over.map((each) => each.over / Math.max(1, each.connections * rate)));
  const who = `${over.length} of ${instances.length} instances`;
  const what = `${grouped(clients)} clients or more away, in ${Math.ceil(seconds)} s or more`;
  return isBegun ? `begun: ${who} send ${what}` : `${who} would send ${what}`;
}
