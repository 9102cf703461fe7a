/**
 * `holdfast drain`: sends the clients of a running gateway away, and waits for it where that is asked for.
 *
 * With `--wait` it ends when no client is left, also when the gateway itself has ended meanwhile.
 */
import { setTimeout } from "node:timers/promises";
import type { DrainProgress } from "@holdfast/gateway";
import { Command, Option } from "commander";
import type { AdminClient } from "../admin-client.js";
import { settings } from "../config/schema.js";
import { envOf } from "../config/setting.js";
import { Failure } from "../failure.js";
import { type JsonOption, sayOutcome } from "../output/outcome.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminOf } from "./destination.js";

interface DrainCommandOptions extends AdminDestination, JsonOption {
  readonly wait?: boolean;
}

const POLL_MS = 500;
/** How long after its deadline a gateway may say that clients are left, ms. */
const OVERDUE_MS = 15_000;

/** `now`: monotonic ms. */
export function drainCommand(terminal: Terminal, now: () => number = () => performance.now()): Command {
  const command = new Command("drain")
    .summary("send a gateway's clients away")
    .description(
      `Drain a running gateway: its health checks fail at once, after ${envOf("drainDelay")} it refuses connections and sends its clients away over ${envOf("drainWindow")}. It stays up without clients until it is stopped.`,
    )
    .addOption(new Option("--wait", "end when no client is left, printing how many are"))
    .option("--json", "as JSON: an object a line, with state, left and total");
  return addAdminOptions(command)
    .addHelpText(
      "after",
      `
The delay and the window are settings of the gateway (default: ${settings.drainDelay.default} and ${settings.drainWindow.default}).

Examples:
  $ holdfast drain --wait && systemctl stop holdfast
  $ holdfast drain --url http://10.0.0.5:9080 --admin-key "$KEY"`,
    )
    .action(async ({ wait = false, json, ...options }: DrainCommandOptions) => {
      const client = adminOf(options, terminal);
      const first = await client.drain();
      await sayOutcome(terminal, { json }, describe(first), first);
      if (wait) await untilDrained(client, first, { terminal, now, json });
    });
}

async function untilDrained(
  client: AdminClient,
  first: DrainProgress,
  { terminal, now, json }: JsonOption & { readonly terminal: Terminal; readonly now: () => number },
): Promise<void> {
  const interrupted = terminal.interrupted();
  // The gateway's clock may differ from ours: how long the drain takes is what both agree about.
  const seenAt = now();
  let last = describe(first);
  for (let progress = first; progress.state !== "drained"; ) {
    if (interrupted.aborted) throw new Failure("interrupted; the gateway goes on draining");
    if (now() - seenAt > lengthMs(progress) + OVERDUE_MS) {
      throw new Failure(
        `the gateway is past its deadline, and ${progress.left} clients are left: see its log`,
      );
    }
    await setTimeout(POLL_MS);
    const next = await client.drainProgress();
    if (next === undefined)
      return sayOutcome(terminal, { json }, "the gateway has ended", { state: "ended", left: 0 });
    progress = next;
    const line = describe(progress);
    if (line !== last) await sayOutcome(terminal, { json }, line, progress);
    last = line;
  }
}

/** From its start to its deadline, ms. */
function lengthMs({ startedAt, deadline }: Pick<DrainProgress, "startedAt" | "deadline">): number {
  return Date.parse(deadline ?? "") - Date.parse(startedAt ?? "");
}

function describe({ state, left, total, deadline }: DrainProgress): string {
  switch (state) {
    case "drained":
      return `drained: none of ${total} clients is left`;
    case "announced":
      return `announced: health checks fail, ${left} clients are served until the goodbyes begin; all gone by ${deadline}`;
    default:
      return `draining: ${left} of ${total} clients left, none by ${deadline}`;
  }
}
