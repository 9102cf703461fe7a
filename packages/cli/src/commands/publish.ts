/**
 * `holdfast publish <channel> <data>`
 */
import { channelProblem } from "@holdfast/protocol";
import { Command } from "commander";
import { Failure } from "../failure.js";
import type { JsonOption } from "../output/outcome.js";
import type { Terminal } from "../terminal.js";
import { addDestinationOptions, type DestinationOptions } from "./destination.js";
import { dataOf, send } from "./send.js";

export function publishCommand(terminal: Terminal): Command {
  const command = new Command("publish")
    .summary("publish to a channel")
    .description("Publish to every subscriber of a channel. Data that is not JSON is sent as a string.")
    .argument("<channel>", "name of the channel")
    .argument("<data>", "JSON, or any text; - reads standard input")
    .option("--json", "as JSON: an object with the channel, the bytes and the position");
  return addDestinationOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast publish news '{"hello":1}'
  $ holdfast publish news 'plain text becomes a JSON string'
  $ holdfast publish news 1 --url http://10.0.0.5:9080 --admin-key "$KEY"
  $ jq .payload message.json | holdfast publish news -
  $ holdfast publish news 1 --redis redis://127.0.0.1:6379`,
    )
    .action(async (channel: string, data: string, options: DestinationOptions & JsonOption) => {
      const problem = channelProblem(channel);
      if (problem !== undefined) throw new Failure(`the channel's name ${problem}`, 2);
      await send(terminal, options, channel, await dataOf(data, terminal));
    });
}
