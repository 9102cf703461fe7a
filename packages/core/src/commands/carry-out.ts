/**
 * Carrying out a command: from its dispatch to its answer, at once or later.
 *
 * Invariant: every command is answered once, by its result or by an error, unless its connection has ended; a
 * command that throws is our fault, is logged, and is answered with `internal`.
 */
import { type ErrorCode, errors, type ReceivedCommand } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { commands } from "./index.js";

export function carryOut(context: Context, connection: Connection, command: ReceivedCommand): void {
  try {
    const answer = commands.run(context, connection, command);
    if (!(answer instanceof Promise)) return tell(context, connection, command, answer);
    answer.then(
      (late) => tell(context, connection, command, late),
      (error: unknown) => failed(context, connection, command, error),
    );
  } catch (error) {
    failed(context, connection, command, error);
  }
}

export function answerError(context: Context, connection: Connection, id: number, error: ErrorCode): void {
  if (!connection.isOpen) return;
  context.metrics.add("command_errors", 1);
  connection.send(connection.codec.error(id, error));
}

function tell(
  context: Context,
  connection: Connection,
  command: ReceivedCommand,
  answer: Awaited<ReturnType<typeof commands.run>>,
): void {
  if ("error" in answer) answerError(context, connection, command.id, answer.error);
  else connection.send(connection.codec.reply(command, answer.result));
}

function failed(context: Context, connection: Connection, { id, op }: ReceivedCommand, error: unknown): void {
  context.logger.error({ connection: connection.id, command: op, err: error }, "a command failed");
  answerError(context, connection, id, errors.internal);
}
