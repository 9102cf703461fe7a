/**
 * `holdfast presence <channel>`: who is in a channel, one session a line, and how many.
 */
import { channelProblem } from "@holdfast/protocol";
import { Command } from "commander";
import { Failure } from "../failure.js";
import { JsonList } from "../output/json-list.js";
import { plainText } from "../output/plain-text.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface PresenceOptions extends AdminDestination {
  readonly json?: boolean;
}

const PAGE = "1000";

export function presenceCommand(terminal: Terminal): Command {
  const command = new Command("presence")
    .summary("list who is in a channel")
    .description("List who is in a channel, on all instances: session and user, one session a line.")
    .argument("<channel>", "name of the channel")
    .option("--json", "as JSON: an object with the list and the numbers");
  return addAdminOptions(command).action(
    async (channel: string, { json = false, ...options }: PresenceOptions) => {
      const problem = channelProblem(channel);
      if (problem !== undefined) throw new Failure(`the channel's name ${problem}`, 2);
      const client = adminOf(options, terminal);
      const interrupted = terminal.interrupted();
      let list: JsonList | undefined;
      for (let after: string | undefined; !interrupted.aborted; ) {
        const page = await client.presence({ channel, limit: PAGE, ...(after !== undefined && { after }) });
        if (json) list ??= await JsonList.begin(terminal, '{"members":');
        for (const member of page.members) {
          const { session, user } = member;
          await (list?.add(JSON.stringify(member)) ?? terminal.out(`${session}\t${plainText(user ?? "")}`));
        }
        after = page.next;
        if (after !== undefined) continue;
        const { users, sessions } = page;
        return (
          list?.end(`,"users":${users},"sessions":${sessions}}`) ??
          terminal.out(`${users} users with ${sessions} sessions`)
        );
      }
    },
  );
}
