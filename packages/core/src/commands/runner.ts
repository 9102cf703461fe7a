/**
 * The command runner: what a connection is given so that it can have commands carried out. Made once for a
 * worker.
 */

import type { CommandRunner } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { answerError, carryOut, holdUntil } from "./carry-out.js";
import { connectByUrl } from "./url-connect.js";

/** `context` is read when a command comes, not before: it may be given while it is being made. */
export function commandRunner(context: () => Context): CommandRunner {
  return {
    carryOut: (connection, command) => carryOut(context(), connection, command),
    answerError: (connection, id, error) => answerError(context(), connection, id, error),
    connectByUrl: (connection, url, identity) => {
      const answered = connectByUrl(context(), connection, url, identity);
      if (answered !== undefined) holdUntil(context(), connection, answered);
    },
  };
}
