/**
 * The dispatch table: one handler per command, one file per handler.
 */
import { type ReceivedCommand, type CommandName, type EncodableResults, errors } from "@holdfast/protocol";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import type { Answer, Handler } from "./command.js";
import { connect } from "./connect.js";
import { history } from "./history.js";
import { presence } from "./presence.js";
import { publish } from "./publish.js";
import { refresh } from "./refresh.js";
import { send } from "./send.js";
import { subscribe } from "./subscribe.js";
import { unsubscribe } from "./unsubscribe.js";

type AnyAnswer = Answer<EncodableResults[CommandName]>;

const handlers: { readonly [Op in CommandName]: Handler<Op> } = {
  connect,
  subscribe,
  unsubscribe,
  publish,
  history,
  presence,
  refresh,
  send,
};

export const commands = Object.freeze({
  /** Runs a command. Only `connect` is open to a connection that has no session. */
  run(context: Context, connection: Connection, command: ReceivedCommand): AnyAnswer | Promise<AnyAnswer> {
    if (command.op !== "connect" && connection.session === undefined) return { error: errors.notConnected };
    const handler = handlers[command.op] as Handler<CommandName>;
    return handler(context, connection, command.body);
  },
});
