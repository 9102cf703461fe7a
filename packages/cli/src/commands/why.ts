/**
 * `holdfast why <channel>`: why a client did or did not get a channel's publications.
 *
 * Ends with 0 where the gateway finds no fault, with 3 where it finds one.
 */

import type { DeliveryFinding } from "@holdfast/gateway";
import { channelProblem } from "@holdfast/protocol";
import { Command, Option } from "commander";
import { Failure } from "../failure.js";
import { plainText } from "../output/plain-text.js";
import type { Terminal } from "../terminal.js";
import { type ClientOption, clientQuery } from "./client-option.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface WhyOptions extends AdminDestination, ClientOption {
  readonly json?: boolean;
}

export function whyCommand(terminal: Terminal): Command {
  const command = new Command("why")
    .summary("say why a client did not get something")
    .description(
      "Say why a client of a running gateway did or did not get the publications of a channel, the gravest finding first. Exit code: 0 no fault, 3 a fault.",
    )
    .argument("<channel>", "name of the channel")
    .addOption(new Option("--user <id>", "the client with this user"))
    .addOption(new Option("--session <sid>", "the client with this session id"))
    .option("--json", "as JSON: an object with the findings and the facts behind them");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast why news --user 42
  $ holdfast why news --user 42 --json | jq -r '.findings[0].code'`,
    )
    .action(async (channel: string, { json = false, ...options }: WhyOptions) => {
      const problem = channelProblem(channel);
      if (problem !== undefined) throw new Failure(`the channel's name ${problem}`, 2);
      const query = clientQuery(options, "say whose publications: --user <id> or --session <sid>");
      const check = await adminOf(options, terminal).delivery({ channel, ...query });
      const { findings } = check;
      await terminal.out(
        json ? JSON.stringify(check, null, 2) : findings.map((finding) => findingText(finding)).join("\n"),
      );
      const faults = findings.filter(({ gravity }) => gravity === "fault").length;
      if (faults > 0) throw new Failure(faults === 1 ? "1 fault" : `${faults} faults`, 3);
    });
}

/** `fault  not_subscribed  Session … is connected and not subscribed to news.` */
function findingText({ code, gravity, message }: DeliveryFinding): string {
  return plainText(`${gravity.padEnd(5)}  ${code}: ${message}`);
}
