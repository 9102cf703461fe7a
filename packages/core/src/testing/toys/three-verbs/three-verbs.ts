/**
 * A toy dialect of three verbs: `["join",channel]`, `["leave",channel]`, `["say",channel,data]`. It has no
 * ids and no `connect`: its clients connect by URL. It shows what a new dialect has to bring.
 */
import {
  type DecodedCommand,
  type ErrorCode,
  type FrameValue,
  isChannelName,
  type ReceivedCommand,
  type ReceivedFrame,
  type SentPush,
} from "@holdfast/protocol";
import type { Dialect } from "../../../codec/codec.js";

/** Core wants an id; nothing is told apart by it here. */
const ID = 1;

function read(frame: ReceivedFrame): DecodedCommand {
  const { value } = frame;
  if (!Array.isArray(value)) return malformed();
  const [verb, channel] = value as readonly unknown[];
  if (verb === undefined) return { kind: "ping" };
  if (typeof channel !== "string" || !isChannelName(channel)) return malformed();
  const text = frame.data(2)?.text;
  switch (verb) {
    case "join":
      return command({ op: "subscribe", id: ID, body: { channel } });
    case "leave":
      return command({ op: "unsubscribe", id: ID, body: { channel } });
    case "say":
      return text === undefined
        ? malformed()
        : command({ op: "publish", id: ID, body: { channel, data: text } });
    default:
      return malformed();
  }
}

function command(received: ReceivedCommand): DecodedCommand {
  return { kind: "command", command: received };
}

function malformed(): DecodedCommand {
  return { kind: "malformed", problem: 'not ["join","news"], ["leave","news"] or ["say","news",1]' };
}

function push(pushed: SentPush): FrameValue | undefined {
  switch (pushed.op) {
    case "publication":
      return ["heard", pushed.body.channel, pushed.body.data];
    case "disconnect":
      return ["bye", pushed.body.reason];
    default:
      return undefined;
  }
}

function reply({ op, body }: ReceivedCommand): FrameValue | undefined {
  return op === "subscribe" || op === "unsubscribe" ? ["done", body.channel] : undefined;
}

export const threeVerbs: Dialect = Object.freeze({
  name: "three-verbs",
  isDataOnly: false,
  ping: Object.freeze([]),
  push,
  reply,
  error: (_id: number, { message }: ErrorCode): FrameValue => ["no", message],
  read,
  closing: () => ({ code: 4000, reason: "bye" }),
});
