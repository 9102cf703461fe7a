/**
 * `holdfast presence <channel>`: who is in a channel, one session a line, and how many.
 */
import { channelProblem } from "@holdfast/protocol";
import { Command } from "commander";
import { Failure } from "../failure.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

const PAGE = "1000";

export function presenceCommand(terminal: Terminal): Command {
  const command = new Command("presence")
    .summary("list who is in a channel")
    .description("List who is in a channel, on all instances: session and user, one session a line.")
    .argument("<channel>", "name of the channel");
  return addAdminOptions(command).action(async (channel: string, options: AdminDestination) => {
    const problem = channelProblem(channel);
    if (problem !== undefined) throw new Failure(`the channel's name ${problem}`, 2);
    const client = adminOf(options, terminal);
    const interrupted = terminal.interrupted();
    for (let after: string | undefined; !interrupted.aborted; ) {
      const page = await client.presence({ channel, limit: PAGE, ...(after !== undefined && { after }) });
      for (const { session, user } of page.members) await terminal.out(`${session}\t${user ?? ""}`);
      after = page.next;
      if (after === undefined) return terminal.out(`${page.users} users with ${page.sessions} sessions`);
    }
  });
}
