/**
 * A command, as core has it: a function from the parts that it uses, a connection and a body to an answer.
 */
import type { CommandName, EncodableResults, ErrorCode, ReceivedCommand } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";

/** A command's outcome as a value: what goes into the reply, or the row of the error table. */
export type Answer<Result> = { readonly result: Result } | { readonly error: ErrorCode };

/** The body of a command by its name. */
export type Body<Op extends CommandName> = Extract<ReceivedCommand, { op: Op }>["body"];

/**
 * Carries out one command. Answers at once where it can, so that the common case costs no promise. The
 * connection may have ended when a later answer comes; a handler that changes something after an await looks
 * again first. `Parts`: the parts of core that the command uses; the whole context has them.
 */
export type Handler<Op extends CommandName, Parts = Context> = (
  parts: Parts,
  connection: Connection,
  body: Body<Op>,
) => Answer<EncodableResults[Op]> | Promise<Answer<EncodableResults[Op]>>;
