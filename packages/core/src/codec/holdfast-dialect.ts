/**
 * Our own dialect, docs/protocol.md: a frame is an object with one key that names the operation, and the
 * command's id beside it.
 */
import {
  errorFrame,
  PING_FRAME,
  pushFrame,
  type ReceivedCommand,
  readCommand,
  replyFrame,
} from "@holdfast/protocol";
import type { Dialect } from "./codec.js";

export const holdfastDialect: Dialect = Object.freeze({
  name: "holdfast",
  isDataOnly: false,
  ping: PING_FRAME,
  push: pushFrame,
  reply: ({ id, op }: ReceivedCommand, result: Parameters<Dialect["reply"]>[1]) => replyFrame(id, op, result),
  error: errorFrame,
  read: readCommand,
});
