/**
 * `holdfast listen <channel...>`: one line per publication on standard output, what happens to the link on
 * standard error.
 */
import type { Position } from "@holdfast/client";
import { channelProblem, isPosition, MAX_HISTORY_LIMIT } from "@holdfast/protocol";
import { Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../failure.js";
import { type Heard, listen } from "../listen/listener.js";
import type { Terminal } from "../terminal.js";
import { TOKEN_ENV, tokenFrom } from "./client-token.js";

interface ListenOptions {
  readonly url: string;
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly token?: string;
  readonly since?: Position;
  readonly history: number;
  readonly count?: number;
}

export function listenCommand(terminal: Terminal): Command {
  return new Command("listen")
    .summary("print what is published")
    .description(
      "Print what is published to channels, and broadcasts (as `*`), one line each. Comes back when the link is lost, without a gap where the channel keeps history; Ctrl-C ends it.",
    )
    .argument("<channel...>", "names of channels")
    .option("--url <url>", "a gateway's public address", "ws://127.0.0.1:8080/ws")
    .addOption(new Option("--token <token>", `who it listens as (env: ${TOKEN_ENV})`))
    .addOption(
      new Option("--history <number>", "first that many publications of each channel's past")
        .argParser((text) => wholeNumber(text, MAX_HISTORY_LIMIT))
        .default(0),
    )
    .addOption(
      new Option("--since <position>", "first what came after it, such as 42:epoch of a line of --json")
        .argParser(position)
        .conflicts("history"),
    )
    .addOption(
      new Option("--count <number>", "end after that many lines").argParser((text) =>
        wholeNumber(text, 2 ** 31),
      ),
    )
    .addOption(new Option("--raw", "print the data alone, without the channel").conflicts("json"))
    .option("--json", "print a JSON object a line: channel (null for a broadcast), position and data")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast listen news
  $ holdfast listen news sport --url ws://10.0.0.5:8080/ws
  $ holdfast listen news --history 10 --count 10 --json
  $ holdfast listen room:1 --token "$(holdfast token create ada)"
  $ holdfast listen news --raw | jq .hello`,
    )
    .action((channels: string[], options: ListenOptions) => run(channels, options, terminal));
}

async function run(channels: readonly string[], options: ListenOptions, terminal: Terminal): Promise<void> {
  const { url, raw = false, json = false, since, history, count = Number.POSITIVE_INFINITY } = options;
  for (const channel of channels) {
    const problem = channelProblem(channel);
    if (problem !== undefined)
      throw new Failure(`the channel's name ${JSON.stringify(channel)} ${problem}`, 2);
  }
  if (since !== undefined && channels.length > 1) {
    throw new Failure("--since is a place in one channel: listen to one", 2);
  }
  const token = tokenFrom(options.token, terminal.env);
  const done = new AbortController();
  const signal = AbortSignal.any([terminal.interrupted(), done.signal]);
  let printed = 0;
  await listen(
    { url, channels: [...new Set(channels)], token, since, history, signal },
    {
      async publication(heard) {
        await terminal.out(
          raw ? heard.data : json ? jsonLine(heard) : `${heard.channel ?? "*"} ${heard.data}`,
        );
        if (++printed >= count) done.abort();
      },
      status: (message) => terminal.err(message),
    },
  );
}

function jsonLine({
  channel = null,
  position,
  data,
}: { readonly channel?: string | null | undefined } & Omit<Heard, "channel">): string {
  const place =
    position === undefined ? "" : `"position":${JSON.stringify(`${position.offset}:${position.epoch}`)},`;
  return `{"channel":${JSON.stringify(channel)},${place}"data":${data}}`;
}

/** `42:epoch` */
function position(text: string): Position {
  const [, offset = "", epoch = ""] = /^(\d{1,16}):(.+)$/.exec(text) ?? [];
  const read = { offset: Number(offset), epoch };
  if (offset !== "" && isPosition(read)) return read;
  throw new InvalidArgumentError("It must be an offset and an epoch, such as 42:Xk3… of a line of --json.");
}

function wholeNumber(text: string, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
}
