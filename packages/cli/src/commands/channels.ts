/**
 * `holdfast channels`: the channels with subscribers on one instance, one a line with its
 * subscribers.
 */
import { Command, Option } from "commander";
import { JsonList } from "../output/json-list.js";
import { plainText } from "../output/plain-text.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface ChannelsOptions extends AdminDestination {
  readonly json?: boolean;
  readonly prefix: string;
}

const PAGE = "1000";

export function channelsCommand(terminal: Terminal): Command {
  const command = new Command("channels")
    .summary("list a gateway's channels")
    .description("List the channels with subscribers on a running gateway, with its subscribers, by name.")
    .addOption(new Option("--prefix <text>", "what the names begin with").default("", "all"));
  command.option("--json", "as JSON: a list of objects");
  return addAdminOptions(command).action(async ({ prefix, json = false, ...options }: ChannelsOptions) => {
    const client = adminOf(options, terminal);
    const interrupted = terminal.interrupted();
    let list: JsonList | undefined;
    for (let after = ""; !interrupted.aborted; ) {
      const { channels, next } = await client.channels({ prefix, after, limit: PAGE });
      if (json) list ??= await JsonList.begin(terminal);
      for (const { channel, subscribers } of channels) {
        await (list?.add(JSON.stringify({ channel, subscribers })) ??
          terminal.out(`${subscribers}\t${plainText(channel)}`));
      }
      if (next === undefined) return list?.end();
      after = next;
    }
  });
}
