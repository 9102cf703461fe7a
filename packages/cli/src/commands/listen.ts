/**
 * `holdfast listen <channel...>`: one line per publication on standard output, what happens to the link on standard error.
 */
import { channelProblem } from "@holdfast/protocol";
import { Command } from "commander";
import { Failure } from "../failure.js";
import { listen } from "../listener.js";
import type { Terminal } from "../terminal.js";

interface ListenOptions {
  readonly url: string;
  readonly raw?: boolean;
}

export function listenCommand(terminal: Terminal): Command {
  return new Command("listen")
    .summary("print what is published")
    .description(
      "Print what is published to channels, and broadcasts (as `*`), one line each. Comes back when the link is lost; Ctrl-C ends it.",
    )
    .argument("<channel...>", "names of channels")
    .option("--url <url>", "a gateway's WebSocket address", "ws://127.0.0.1:8080/ws")
    .option("--raw", "print the data alone, without the channel")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast listen news
  $ holdfast listen news sport --url ws://10.0.0.5:8080/ws
  $ holdfast listen news --raw | jq .hello`,
    )
    .action(async (channels: string[], { url, raw = false }: ListenOptions) => {
      for (const channel of channels) {
        const problem = channelProblem(channel);
        if (problem !== undefined)
          throw new Failure(`the channel's name ${JSON.stringify(channel)} ${problem}`, 2);
      }
      await listen(
        { url, channels, signal: terminal.interrupted(), random: Math.random },
        {
          publication: (channel = "*", data) => terminal.out(raw ? data : `${channel} ${data}`),
          status: (message) => terminal.err(message),
        },
      );
    });
}
