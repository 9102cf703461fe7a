/**
 * Frames from a client → commands. The server's side of the boundary: any frame in, only values out.
 *
 * Never throws. A frame whose id can be read gets an error to answer with; one that is not a frame at all is
 * `malformed`, after which the stream cannot be trusted and the connection ends with `bad_frame`.
 */
import { fromBase64 } from "./base64.js";
import { channelProblem, isChannelName } from "./channel.js";
import { type ErrorCode, errors } from "./codes.js";
import type { Data } from "./data.js";
import type { ChannelWish, CommandName, ReceivedCommand, Resume } from "./frame.js";
import type { ReceivedFrame } from "./frame-encoding.js";
import { decodeJson } from "./json-encoding.js";
import {
  MAX_CURSOR_LENGTH,
  MAX_HISTORY_LIMIT,
  MAX_KEY_LENGTH,
  MAX_PRESENCE_LIMIT,
  MAX_RESUME_TOKEN_LENGTH,
  MAX_TOKEN_LENGTH,
} from "./limits.js";
import { isPosition } from "./position.js";
import { SESSION_ID } from "./session-id.js";

export type DecodedCommand =
  | { readonly kind: "ping" }
  | { readonly kind: "command"; readonly command: ReceivedCommand }
  | { readonly kind: "invalid"; readonly id: number; readonly error: ErrorCode }
  | { readonly kind: "malformed"; readonly problem: string };

/** Characters of a client's name for something that a message to it repeats. */
const MAX_SHOWN_NAME = 60;

/** The most characters of `client` that are kept. */
const MAX_CLIENT_LENGTH = 64;

/**
 * Decodes one WebSocket message: one frame, or several separated by newlines; blank lines are skipped.
 * The caller has bounded the message's size. Decoding stops at the first malformed frame.
 */
export function decodeCommands(message: string): readonly DecodedCommand[] {
  const decoded: DecodedCommand[] = [];
  for (const part of decodeJson(message)) {
    const one = part.kind === "frame" ? readCommand(part.frame) : part;
    decoded.push(one);
    if (one.kind === "malformed") break;
  }
  return decoded;
}

/** The command that a frame is. */
export function readCommand(frame: ReceivedFrame): DecodedCommand {
  const { value } = frame;
  if (!isObject(value)) return malformed("not a JSON object");
  const keys = Object.keys(value);
  if (keys.length === 0) return { kind: "ping" };
  const { id } = value;
  if (!isCommandId(id)) return malformed("no whole number above 0 as its `id`");
  const op = keys[0] === "id" ? keys[1] : keys[0];
  if (keys.length !== 2 || op === undefined) return { kind: "invalid", id, error: errors.unknownCommand };
  if (!isCommandName(op)) return { kind: "invalid", id, error: unknownCommand(op) };
  const body = value[op];
  const checked = isObject(body) ? readers[op](id, body, frame) : bad(op, "must be an object");
  return "op" in checked ? { kind: "command", command: checked } : { kind: "invalid", id, error: checked };
}

type Fields = Readonly<Record<string, unknown>>;

/** From the id, the body and the frame that it was read of. */
type Reader = (id: number, body: Fields, frame: ReceivedFrame) => ReceivedCommand | ErrorCode;

const TOKEN = `must be a string of 1 to ${MAX_TOKEN_LENGTH} characters`;
const FLAG = "must be true or false";
const POSITION = 'must be a position such as {"offset":7,"epoch":"x1"}';
const SUBS = 'must map channels to null or to a position, such as {"news":null}';

/** One reader per command; adding a command starts here. */
const readers: { readonly [Op in CommandName]: Reader } = {
  connect(id, { token, client, resume, subs }) {
    if (token !== undefined && !isToken(token)) return bad("token", TOKEN);
    if (client !== undefined && typeof client !== "string") return bad("client", "must be a string");
    if (resume !== undefined && !isResume(resume))
      return bad("resume", "must be the `sid` and the `token` of an earlier answer to `connect`");
    if (subs !== undefined && !isSubs(subs)) return bad("subs", SUBS);
    const wrong = Object.keys(subs ?? {}).find((name) => !isChannelName(name));
    if (wrong !== undefined) return badChannel(wrong);
    return {
      op: "connect",
      id,
      body: {
        ...(token !== undefined && { token }),
        ...(client !== undefined && { client: client.slice(0, MAX_CLIENT_LENGTH) }),
        ...(resume !== undefined && { resume: { sid: resume.sid, token: resume.token } }),
        ...(subs !== undefined && { subs: Object.fromEntries(Object.entries(subs).map(wished)) }),
      },
    };
  },
  subscribe(id, { channel, since, token, presence, joinLeave }) {
    const problem = checkChannel(channel);
    if (problem !== undefined) return problem;
    if (since !== undefined && !isPosition(since)) return bad("since", POSITION);
    if (token !== undefined && !isToken(token)) return bad("token", TOKEN);
    if (!isFlag(presence)) return bad("presence", FLAG);
    if (!isFlag(joinLeave)) return bad("joinLeave", FLAG);
    return {
      op: "subscribe",
      id,
      body: {
        channel: channel as string,
        ...(since !== undefined && { since }),
        ...(token !== undefined && { token }),
        ...(presence !== undefined && { presence }),
        ...(joinLeave !== undefined && { joinLeave }),
      },
    };
  },
  unsubscribe(id, { channel }) {
    return checkChannel(channel) ?? { op: "unsubscribe", id, body: { channel: channel as string } };
  },
  publish(id, { channel, data, bytes, key, traceparent }, frame) {
    const problem = checkChannel(channel);
    if (problem !== undefined) return problem;
    const published = dataOf(data, bytes, frame);
    if (typeof published === "object" && "code" in published) return published;
    if (key !== undefined && !isKey(key))
      return bad("key", `must be a string of 1 to ${MAX_KEY_LENGTH} characters`);
    const plain = { channel: channel as string, data: published };
    const body = key === undefined ? plain : { ...plain, key };
    if (traceparent === undefined) return { op: "publish", id, body };
    // A trace context is never an error. The server counts one that is not valid.
    return { op: "publish", id, body: { ...body, traceparent: shortText(traceparent) } };
  },
  history(id, { channel, since, limit, reverse }) {
    const problem = checkChannel(channel);
    if (problem !== undefined) return problem;
    if (since !== undefined && !isPosition(since)) return bad("since", POSITION);
    if (limit !== undefined && !isCount(limit, MAX_HISTORY_LIMIT))
      return bad("limit", count(MAX_HISTORY_LIMIT));
    if (!isFlag(reverse)) return bad("reverse", FLAG);
    return {
      op: "history",
      id,
      body: {
        channel: channel as string,
        ...(since !== undefined && { since }),
        ...(limit !== undefined && { limit }),
        ...(reverse !== undefined && { reverse }),
      },
    };
  },
  presence(id, { channel, limit, cursor }) {
    const problem = checkChannel(channel);
    if (problem !== undefined) return problem;
    if (limit !== undefined && !isCount(limit, MAX_PRESENCE_LIMIT))
      return bad("limit", count(MAX_PRESENCE_LIMIT));
    if (cursor !== undefined && !isCursor(cursor))
      return bad("cursor", "must be the `next` of the page before");
    return {
      op: "presence",
      id,
      body: {
        channel: channel as string,
        ...(limit !== undefined && { limit }),
        ...(cursor !== undefined && { cursor }),
      },
    };
  },
  send(id, { data }, frame) {
    const text = dataText(data, frame, "send");
    return typeof text === "string" ? { op: "send", id, body: { data: text } } : text;
  },
  refresh(id, { token }) {
    return isToken(token) ? { op: "refresh", id, body: { token } } : bad("token", TOKEN);
  },
};

/** A text that may be a trace context; "" for what is none. */
function shortText(value: unknown): string {
  return typeof value === "string" && value.length <= MAX_KEY_LENGTH ? value : "";
}

/** The command's data as its client wrote it. */
function dataText(value: unknown, frame: ReceivedFrame, op: CommandName): string | ErrorCode {
  if (value === undefined) return bad("data", "is missing: it may be any JSON value");
  return (
    frame.data(op, "data")?.text ?? bad("data", "must be what JSON can say: no bytes, NaN or infinity in it")
  );
}

/** What a publication carries: JSON, or bytes, which an encoding without them has as base64 with a mark. */
function dataOf(data: unknown, bytes: unknown, frame: ReceivedFrame): Data | ErrorCode {
  if (!isFlag(bytes)) return bad("bytes", FLAG);
  if (data instanceof Uint8Array) return data;
  if (bytes !== true) return dataText(data, frame, "publish");
  return (
    (typeof data === "string" ? fromBase64(data) : undefined) ??
    bad("data", "must be base64 with its padding, where `bytes` is true")
  );
}

function checkChannel(value: unknown): ErrorCode | undefined {
  if (typeof value !== "string") return bad("channel", "must be a string, the name of a channel");
  return isChannelName(value) ? undefined : badChannel(value);
}

/** A member of a command's body, and what it must be. */
function bad(member: string, what: string): ErrorCode {
  return { ...errors.badRequest, message: `\`${member}\` ${what}; see docs/protocol.md.` };
}

function count(max: number): string {
  return `must be a whole number from 0 to ${max}`;
}

function unknownCommand(name: string): ErrorCode {
  const known = Object.keys(readers).join(", ");
  return {
    ...errors.unknownCommand,
    message: `No command is called ${JSON.stringify(shorten(name))}; there are ${known}.`,
  };
}

function shorten(name: string): string {
  return name.length > MAX_SHOWN_NAME ? `${name.slice(0, MAX_SHOWN_NAME)}…` : name;
}

/** Says what is wrong with the name, and how it begins. */
function badChannel(name: string): ErrorCode {
  return {
    ...errors.badChannel,
    message: `The channel's name ${JSON.stringify(shorten(name))} ${channelProblem(name)}.`,
  };
}

function isSubs(value: unknown): value is Record<string, ChannelWish | null> {
  return isObject(value) && Object.values(value).every((wish) => wish === null || isWish(wish));
}

function isWish(value: unknown): value is ChannelWish {
  if (!isObject(value)) return false;
  const { offset, epoch, token, presence, joinLeave } = value;
  if (!isFlag(presence) || !isFlag(joinLeave)) return false;
  const hasPosition = offset !== undefined || epoch !== undefined;
  return (!hasPosition || isPosition(value)) && (token === undefined || isToken(token));
}

/** Without fields that are not of this version. */
function wished([channel, wish]: [string, ChannelWish | null]): [string, ChannelWish | null] {
  if (wish === null) return [channel, null];
  const { offset, epoch, token, presence, joinLeave } = wish;
  return [
    channel,
    {
      ...(offset !== undefined && epoch !== undefined && { offset, epoch }),
      ...(token !== undefined && { token }),
      ...(presence !== undefined && { presence }),
      ...(joinLeave !== undefined && { joinLeave }),
    },
  ];
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_TOKEN_LENGTH;
}

function isResume(value: unknown): value is Resume {
  if (!isObject(value)) return false;
  const { sid, token } = value;
  return (
    typeof sid === "string" &&
    SESSION_ID.test(sid) &&
    typeof token === "string" &&
    token.length > 0 &&
    token.length <= MAX_RESUME_TOKEN_LENGTH
  );
}

function isKey(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_KEY_LENGTH;
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isCursor(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_CURSOR_LENGTH;
}

/** A boolean, or left out. */
function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === "boolean";
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(readers, name);
}

function isCommandId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

function malformed(problem: string): DecodedCommand {
  return { kind: "malformed", problem };
}
