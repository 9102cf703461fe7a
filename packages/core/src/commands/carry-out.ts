/**
 * Carrying out a command: from its dispatch to its answer, at once or later.
 *
 * What comes behind a `connect` is held until that is answered. Invariant: every command is answered once, by
 * its result or by an error, unless its connection has ended; a command that throws is our fault, is logged,
 * and is answered with `internal`.
 */
import { type ErrorCode, errors, type ReceivedCommand } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { answer as answerHeld } from "../connection/intake.js";
import { send, type WriterParts } from "../delivery/writer.js";
import { clientFacts } from "../runtime/incidents.js";
import { commands } from "./index.js";

/** The parts of core that an answer uses. */
type AnswerParts = WriterParts & Pick<Context, "metrics" | "incidents">;

export function carryOut(context: Context, connection: Connection, command: ReceivedCommand): void {
  try {
    const answer = commands.run(context, connection, command);
    if (!(answer instanceof Promise)) return tell(context, connection, command, answer);
    const told = answer.then(
      (late) => tell(context, connection, command, late),
      (error: unknown) => failed(context, connection, command, error),
    );
    if (command.op === "connect") holdUntil(context, connection, told);
  } catch (error) {
    failed(context, connection, command, error);
  }
}

/** Holds what the client says until its connect is `answered`, and then carries it out. */
export function holdUntil(context: Context, connection: Connection, answered: Promise<void>): void {
  if (!connection.isOpen) return;
  const { commands: runner, held } = context;
  held.begin(connection);
  void answered.then(() => held.release(connection, (due) => answerHeld(runner, connection, due)));
}

export function answerError(
  context: AnswerParts,
  connection: Connection,
  id: number,
  error: ErrorCode,
  channel?: string,
): void {
  if (!connection.isOpen) return;
  context.incidents.note({
    kind: "refused",
    code: error.name,
    message: error.message,
    ...clientFacts(connection),
    channel,
  });
  context.metrics.add("command_errors", 1);
  send(context, connection, connection.codec.error(id, error));
}

function tell(
  context: AnswerParts,
  connection: Connection,
  command: ReceivedCommand,
  answer: Awaited<ReturnType<typeof commands.run>>,
): void {
  if ("error" in answer) answerError(context, connection, command.id, answer.error, channelIn(command));
  else send(context, connection, connection.codec.reply(command, answer.result));
}

function failed(
  context: AnswerParts,
  connection: Connection,
  { id, op }: ReceivedCommand,
  error: unknown,
): void {
  context.logger.error({ connection: connection.id, command: op, err: error }, "a command failed");
  answerError(context, connection, id, errors.internal);
}

function channelIn({ body }: ReceivedCommand): string | undefined {
  return "channel" in body ? body.channel : undefined;
}
