/**
 * `holdfast history <channel>`: the newest publications of a channel, one a line, oldest first.
 */
import { channelProblem, MAX_HISTORY_LIMIT } from "@holdfast/protocol";
import { Command, Option } from "commander";
import { Failure } from "../failure.js";
import { JsonList } from "../output/json-list.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface HistoryOptions extends AdminDestination {
  readonly limit: string;
  readonly json?: boolean;
}

export function historyCommand(terminal: Terminal): Command {
  const command = new Command("history")
    .summary("print a channel's newest publications")
    .description(
      "Print what a channel's history holds: offset and data, one publication a line, oldest first.",
    )
    .argument("<channel>", "name of the channel")
    .addOption(new Option("--limit <n>", `how many, 1 to ${MAX_HISTORY_LIMIT}`).default("100"))
    .option("--json", "as JSON: a list of objects");
  return addAdminOptions(command).action(
    async (channel: string, { limit, json = false, ...options }: HistoryOptions) => {
      const problem = channelProblem(channel);
      if (problem !== undefined) throw new Failure(`the channel's name ${problem}`, 2);
      const publications = await adminOf(options, terminal).history({ channel, limit, reverse: "true" });
      const list = json ? await JsonList.begin(terminal) : undefined;
      for (const { offset, data, isBytes } of [...publications].reverse()) {
        // As it was published: encoded anew, large numbers would be rounded.
        const mark = isBytes ? ',"bytes":true' : "";
        await (list?.add(`{"offset":${offset},"data":${data}${mark}}`) ?? terminal.out(`${offset}\t${data}`));
      }
      await list?.end();
    },
  );
}
