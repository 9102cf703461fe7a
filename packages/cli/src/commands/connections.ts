/**
 * `holdfast connections`: a page of who is connected to an instance.
 */
import type { ConnectionFacts } from "@holdfast/core";
import { Command, Option } from "commander";
import { quoted } from "../invocation.js";
import { grouped, timeText } from "../output/figures.js";
import { type TableColumn, tableText } from "../output/table.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";
import { numberOption } from "./number-option.js";

interface ConnectionsOptions extends AdminDestination {
  readonly json?: boolean;
  readonly user?: string;
  readonly limit: number;
  readonly after?: string;
}

const PAGE = 100;
const MAX_PAGE = 1000;

const COLUMNS: readonly TableColumn<ConnectionFacts>[] = Object.freeze([
  { title: "SESSION", text: ({ session }) => session },
  { title: "USER", cuts: true, text: ({ user }) => user ?? "" },
  { title: "SUBSCRIPTIONS", rank: 1, align: "right", text: ({ subscriptions }) => grouped(subscriptions) },
  { title: "CHANNELS", rank: 2, cuts: true, text: ({ channels }) => channels.join(", ") },
  {
    title: "TOKEN UNTIL (UTC)",
    rank: 3,
    text: ({ expiresAt }) => (expiresAt === undefined ? "" : timeText(expiresAt)),
  },
]);

export function connectionsCommand(terminal: Terminal): Command {
  const command = new Command("connections")
    .summary("list who is connected")
    .description("List the connections of a running gateway by session id, a page at a time.")
    .addOption(new Option("--user <id>", "those of this user alone"))
    .addOption(
      numberOption("--limit <count>", `connections of the page, up to ${MAX_PAGE}`, MAX_PAGE).default(PAGE),
    )
    .addOption(new Option("--after <sid>", "begin behind this session id"))
    .option("--json", "as JSON: an object with the page, and `next` where there is another");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast connections --user 42
  $ holdfast connections --limit 1000 --json | jq -r '.connections[].user'`,
    )
    .action(async ({ json = false, user, limit, after, ...options }: ConnectionsOptions) => {
      const page = await adminOf(options, terminal).connections({
        limit: String(limit),
        ...(user !== undefined && { user }),
        ...(after !== undefined && { after }),
      });
      if (json) return terminal.out(JSON.stringify(page, null, 2));
      if (page.connections.length === 0) return terminal.err("no connections");
      await terminal.out(tableText(COLUMNS, page.connections, { width: terminal.columns }));
      if (page.next === undefined) return;
      const of = user === undefined ? "" : ` --user ${quoted(user)}`;
      terminal.err(
        `the next page: ${terminal.program} connections${of} --limit ${limit} --after ${page.next}`,
      );
    });
}
