/**
 * `holdfast broadcast <data>`
 */
import { Command } from "commander";
import type { JsonOption } from "../output/outcome.js";
import type { Terminal } from "../terminal.js";
import { addDestinationOptions, type DestinationOptions } from "./destination.js";
import { dataOf, send } from "./send.js";

export function broadcastCommand(terminal: Terminal): Command {
  const command = new Command("broadcast")
    .summary("publish to every connection")
    .description("Publish to every connection of the cluster. Data that is not JSON is sent as a string.")
    .argument("<data>", "JSON, or any text; - reads standard input")
    .option("--json", "as JSON: an object with the bytes and where they went");
  return addDestinationOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast broadcast '{"maintenance":"in 5 minutes"}'
  $ holdfast broadcast '{"all":true}' --redis redis://127.0.0.1:6379`,
    )
    .action(async (data: string, options: DestinationOptions & JsonOption) =>
      send(terminal, options, undefined, await dataOf(data, terminal)),
    );
}
