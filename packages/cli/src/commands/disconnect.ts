/**
 * `holdfast disconnect`: ends connections of a user, a session or a token, everywhere; with `--revoke` for
 * good.
 */
import { CONTROL, MAX_REVOCATION_MS, orderText, type Subject, subjectOf } from "@holdfast/core";
import { Command, Option } from "commander";
import { settings } from "../config/schema.js";
import { envOf } from "../config/setting.js";
import { parseDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import { maskedUrl } from "../masked-url.js";
import { type JsonOption, sayOutcome } from "../output/outcome.js";
import { withRedis } from "../redis-direct.js";
import type { Terminal } from "../terminal.js";
import {
  addDestinationOptions,
  adminOf,
  adminUrlOf,
  type DestinationOptions,
  redisOf,
} from "./destination.js";

interface DisconnectOptions extends DestinationOptions, JsonOption {
  readonly user?: string;
  readonly session?: string;
  readonly token?: string;
  readonly revoke?: boolean;
  readonly until?: string;
  readonly reason?: string;
  readonly reconnect: boolean;
}

export function disconnectCommand(terminal: Terminal): Command {
  const command = new Command("disconnect")
    .summary("end connections, and refuse them if asked")
    .description(
      "End the connections of a user, a session or a token on every instance. Clients come back by themselves unless you say otherwise; with --revoke what they came with is refused from now on, also by instances that are away now.",
    )
    .addOption(new Option("--user <id>", "all connections of this user"))
    .addOption(new Option("--session <sid>", "the connection with this session id"))
    .addOption(new Option("--token <jti>", "the connections that came with the token of this id"))
    .addOption(
      new Option("--revoke", "refuse from now on: the token, the user's tokens up to now, or the session"),
    )
    .addOption(
      new Option(
        "--until <time>",
        `with --revoke: for how long, such as 12h, or until when, such as 2030-01-31T12:00Z (default: ${settings.revocationTtl.default}, the setting)`,
      ),
    )
    .addOption(new Option("--reason <text>", "a sentence for the client's developer"))
    .addOption(new Option("--no-reconnect", "tell the clients not to come back by themselves"))
    .option("--json", "as JSON: an object with the subject, and with --revoke until when");
  return addDestinationOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast disconnect --user 42
  $ holdfast disconnect --user 42 --revoke --until 720h
  $ holdfast disconnect --token 6ba7b810 --revoke --redis redis://127.0.0.1:6379`,
    )
    .action((options: DisconnectOptions) => disconnect(options, terminal));
}

async function disconnect(options: DisconnectOptions, terminal: Terminal): Promise<void> {
  const { reason, reconnect, revoke = false, until } = options;
  const subject = subjectOf({ user: options.user, session: options.session, token: options.token });
  if (typeof subject === "object") throw new Failure("say one of --user, --session, --token, with its id", 2);
  if (!revoke && until !== undefined) throw new Failure("--until is for --revoke: say both", 2);
  if (revoke && (reason !== undefined || !reconnect)) {
    throw new Failure(
      "--reason and --no-reconnect are not for --revoke, which says `revoked` and forbids to come back",
      2,
    );
  }
  if (revoke) return withdraw(options, subject, until === undefined ? undefined : timeOf(until), terminal);
  const redis = redisOf(options, terminal);
  const order = { op: "disconnect", subject, reconnect, reason } as const;
  if (redis !== undefined) {
    const where = await withRedis(redis, ({ broker }) => broker.publish(CONTROL, orderText(order)));
    const line = `told every worker at ${where} to disconnect ${subject}`;
    return sayOutcome(terminal, options, line, { subject, redis: where });
  }
  const { user, session, token } = options;
  await adminOf(options, terminal).disconnect({ user, session, token, reason, reconnect });
  const gateway = maskedUrl(adminUrlOf(options));
  const line = `told every worker to disconnect ${subject}, through ${gateway}`;
  return sayOutcome(terminal, options, line, { subject, gateway });
}

async function withdraw(
  options: DisconnectOptions,
  subject: Subject,
  asked: number | undefined,
  terminal: Terminal,
): Promise<void> {
  const redis = redisOf(options, terminal);
  if (redis === undefined) {
    const { user, session, token } = options;
    const kept = await adminOf(options, terminal).revoke({ user, session, token, until: asked });
    const again =
      kept.loginFrom === undefined ? "" : `; it may log in again from ${written(kept.loginFrom)} on`;
    const gateway = maskedUrl(adminUrlOf(options));
    const line = `revoked ${subject} until ${written(kept.until)}, through ${gateway}${again}`;
    return sayOutcome(terminal, options, line, { subject, gateway, ...kept });
  }
  const at = Date.now();
  const until = asked ?? at + usualMs(terminal);
  const where = await withRedis(redis, (seams) => seams.revocations().add([{ subject, at, until }]));
  const line = `revoked ${subject} until ${written(until)}, in ${where}`;
  return sayOutcome(terminal, options, line, { subject, redis: where, until });
}

/** As the gateways have it, if they are told by the same variable. */
function usualMs({ env }: Terminal): number {
  const text = env[envOf("revocationTtl")] || String(settings.revocationTtl.default);
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Failure(
    `${envOf("revocationTtl")} must be a duration such as 12h, not ${JSON.stringify(text)}`,
    2,
  );
}

/** ms since 1970. */
function timeOf(text: string): number {
  const duration = parseDuration(text);
  const time = duration === undefined ? Date.parse(text) : Date.now() + duration;
  const left = time - Date.now();
  if (left > 0 && left <= MAX_REVOCATION_MS) return time;
  throw new Failure(
    `--until must be a duration such as 12h, or a time such as 2030-01-31T12:00Z, within 400 days, not ${JSON.stringify(text)}`,
    2,
  );
}

function written(time: number): string {
  return new Date(time).toISOString();
}
