/**
 * `holdfast top`: a running gateway live in the terminal, or once as text or JSON.
 *
 * Owns flags and the choice between live and once. Without a terminal it is once.
 */
import { Command, Option } from "commander";
import { parseDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import { wantsColour } from "../output/pretty-lines.js";
import type { Terminal } from "../terminal.js";
import { LiveTop } from "../watch/live-top.js";
import { ratesJson } from "../watch/rates.js";
import { onceText } from "../watch/status-text.js";
import { type Wait, watchOnce } from "../watch/watched-gateway.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";
import { waitFor } from "./status.js";

interface TopOptions extends AdminDestination {
  readonly json?: boolean;
  readonly once?: boolean;
  readonly interval: string;
}

/** A gateway makes an overview at most that often. */
const LEAST_MS = 500;
const MOST_MS = 3_600_000;

export function topCommand(terminal: Terminal, wait: Wait = waitFor): Command {
  const command = new Command("top")
    .summary("watch a gateway live")
    .description(
      "Watch a running gateway live: its totals, workers, busiest channels and slowest connections, with keys to sort, filter, pause and open one. Without a terminal: once.",
    )
    .addOption(new Option("--interval <duration>", "between two looks, 500ms to 1h").default("1s"))
    .option("--once", "print it once, with the rates of a second")
    .option("--json", "once, as JSON: an object with the overview, its rates and the survey");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast top
  $ holdfast top --once --json | jq '.survey.busiest[0]'`,
    )
    .action(async ({ json = false, once = false, interval, ...options }: TopOptions) => {
      const intervalMs = intervalOf(interval);
      const screen = json || once || terminal.env.TERM === "dumb" ? undefined : terminal.screen?.();
      if (screen === undefined) return lookOnce(options, json, terminal, wait);
      const ended = new AbortController();
      const interrupted = terminal.interrupted();
      interrupted.addEventListener("abort", () => ended.abort());
      const client = adminOf(options, terminal, ended.signal);
      const colour = wantsColour(terminal.env);
      // What is wrong with the address is said before the screen is taken.
      await client.overview();
      if (!interrupted.aborted) await new LiveTop({ client, screen, intervalMs, colour, wait, ended }).run();
    });
}

async function lookOnce(
  options: AdminDestination,
  json: boolean,
  terminal: Terminal,
  wait: Wait,
): Promise<void> {
  const interrupted = terminal.interrupted();
  const client = adminOf(options, terminal);
  // The rates of channels are those since the survey before.
  await client.survey();
  const { overview, rates } = await watchOnce(client, wait, interrupted);
  const survey = await client.survey();
  await terminal.out(
    json
      ? JSON.stringify({ ...overview, rates: ratesJson(overview, rates), survey }, null, 2)
      : onceText({ overview, rates, survey }, { width: terminal.columns }),
  );
}

function intervalOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= LEAST_MS && ms <= MOST_MS) return ms;
  throw new Failure(
    `--interval must be a duration from 500ms to 1h such as 1s or 5s, not ${JSON.stringify(text)}`,
    2,
  );
}
