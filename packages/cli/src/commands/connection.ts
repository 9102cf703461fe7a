/**
 * `holdfast connection <session>`: one client's connections, what they are subscribed to, what waits for
 * them.
 *
 * Ends with 3 where the instance has no such connection.
 */
import { Command, Option } from "commander";
import { Failure } from "../failure.js";
import { connectionLines, incidentLines } from "../output/connection-text.js";
import type { Terminal } from "../terminal.js";
import { clientQuery, clientText } from "./client-option.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface ConnectionOptions extends AdminDestination {
  readonly json?: boolean;
  readonly user?: string;
}

export function connectionCommand(terminal: Terminal): Command {
  const command = new Command("connection")
    .summary("look at one client")
    .description(
      "Show the connections of one session or user on a running gateway: subscriptions, positions, what waits, and what lately went wrong. Exit code: 0 found, 3 not connected there.",
    )
    .argument("[session]", "session id")
    .addOption(new Option("--user <id>", "the connections of this user instead"))
    .option("--json", "as JSON: an object with the connections and the incidents");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast connection --user 42
  $ holdfast connection --user 42 --json | jq '.connections[].subscriptions'`,
    )
    .action((session: string | undefined, options: ConnectionOptions) => look(session, options, terminal));
}

async function look(
  session: string | undefined,
  { json = false, user, ...options }: ConnectionOptions,
  terminal: Terminal,
): Promise<void> {
  const query = clientQuery({ user, session }, "say a session id, or --user <id>");
  const answer = await adminOf(options, terminal).connection(query);
  const width = { width: terminal.columns };
  const paragraphs = [
    ...answer.connections.map((report) => connectionLines(report, width)),
    incidentLines(answer.incidents, width),
  ].filter((lines) => lines.length > 0);
  if (json) await terminal.out(JSON.stringify(answer, null, 2));
  else if (paragraphs.length > 0) await terminal.out(paragraphs.map((each) => each.join("\n")).join("\n\n"));
  if (answer.connections.length > 0) return;
  throw new Failure(`no connection of ${clientText({ user, session })} is on this instance`, 3);
}
