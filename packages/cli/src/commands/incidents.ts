/**
 * `holdfast incidents`: what lately went wrong for the clients of an instance, the newest first.
 */
import { Command, Option } from "commander";
import { INCIDENT_COLUMNS } from "../output/connection-text.js";
import { tableText } from "../output/table.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";
import { numberOption } from "./number-option.js";

interface IncidentsOptions extends AdminDestination {
  readonly json?: boolean;
  readonly channel?: string;
  readonly user?: string;
  readonly session?: string;
  readonly limit: number;
}

const SHOWN = 50;
const MAX_SHOWN = 1000;

export function incidentsCommand(terminal: Terminal): Command {
  const command = new Command("incidents")
    .summary("list what went wrong for clients")
    .description(
      "List what lately went wrong for the clients of a running gateway, the newest first: refusals, disconnects, gaps, clients that fell behind.",
    )
    .addOption(new Option("--channel <name>", "those of this channel"))
    .addOption(new Option("--user <id>", "those of this user"))
    .addOption(new Option("--session <sid>", "those of this session"))
    .addOption(
      numberOption("--limit <count>", `incidents at most, up to ${MAX_SHOWN}`, MAX_SHOWN).default(SHOWN),
    )
    .option("--json", "as JSON: a list of objects");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast incidents
  $ holdfast incidents --channel news --json`,
    )
    .action(async ({ json = false, limit, channel, user, session, ...options }: IncidentsOptions) => {
      const incidents = await adminOf(options, terminal).incidents({
        limit: String(limit),
        ...(channel !== undefined && { channel }),
        ...(user !== undefined && { user }),
        ...(session !== undefined && { session }),
      });
      if (json) return terminal.out(JSON.stringify(incidents, null, 2));
      if (incidents.length === 0) return terminal.err("no incidents");
      return terminal.out(tableText(INCIDENT_COLUMNS, incidents, { width: terminal.columns }));
    });
}
