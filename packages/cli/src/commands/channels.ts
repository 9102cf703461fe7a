/**
 * `holdfast channels`: the channels that somebody listens to on one instance, one a line with its subscribers.
 */
import { Command, Option } from "commander";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface ChannelsOptions extends AdminDestination {
  readonly prefix: string;
}

const PAGE = "1000";

export function channelsCommand(terminal: Terminal): Command {
  const command = new Command("channels")
    .summary("list a gateway's channels")
    .description(
      "List the channels that somebody listens to on a running gateway, with its subscribers, by name.",
    )
    .addOption(new Option("--prefix <text>", "what the names begin with").default("", "all"));
  return addAdminOptions(command).action(async ({ prefix, ...options }: ChannelsOptions) => {
    const client = adminOf(options, terminal);
    const interrupted = terminal.interrupted();
    for (let after = ""; !interrupted.aborted; ) {
      const { channels, next } = await client.channels({ prefix, after, limit: PAGE });
      for (const { channel, subscribers } of channels) await terminal.out(`${subscribers}\t${channel}`);
      if (next === undefined) return;
      after = next;
    }
  });
}
