/**
 * The JSON bodies of `POST /poll` and `POST /send`: any text in, a value or a sentence out.
 */
import {
  elementTexts,
  exceedsDepth,
  isChannelName,
  MAX_COMMANDS_PER_MESSAGE,
  MAX_DEPTH,
  memberText,
  oneLine,
  SESSION_ID,
} from "@holdfast/protocol";
import type { CommandFrame } from "./commands.js";
import { type Cursor, decodeCursor } from "./cursor.js";
import type { PollRequest } from "./polls.js";

export interface SendBody {
  readonly sid: string;
  readonly token: string;
  readonly commands: readonly CommandFrame[];
}

/** Frames stand two levels deep in a body. */
const MAX_BODY_DEPTH = MAX_DEPTH + 2;

/** A sentence about what is wrong. */
type Problem = string;

export function readPoll(text: string, maxChannels: number): PollRequest | Problem {
  const body = parse(text);
  if (typeof body === "string") return body;
  const { cursor: given, channels, commands = [] } = body;
  if (!isCommands(commands)) return COMMANDS;
  let cursor: Cursor | undefined;
  if (given !== undefined) {
    cursor = typeof given === "string" ? decodeCursor(given, maxChannels) : undefined;
    if (cursor === undefined) return "`cursor` is not one that this server has given out.";
  }
  if (channels !== undefined && !isChannels(channels, maxChannels))
    return `\`channels\` is a list of at most ${maxChannels} channel names.`;
  if (cursor === undefined && channels === undefined && commands.length === 0)
    return "The first poll has `channels`, or `commands` of which the first is `connect`; later ones have the last answer's `cursor`.";
  return { cursor, channels: channels && [...new Set(channels)], commands: framesOf(text, commands) };
}

export function readSend(text: string): SendBody | Problem {
  const body = parse(text);
  if (typeof body === "string") return body;
  const { sid, token, commands } = body;
  if (typeof sid !== "string" || !SESSION_ID.test(sid)) return "`sid` is the session id of the last connect.";
  if (typeof token !== "string" || token === "") return "`token` is the `resumeToken` of the last connect.";
  if (!isCommands(commands) || commands.length === 0) return COMMANDS;
  return { sid, token, commands: framesOf(text, commands) };
}

const COMMANDS = `\`commands\` is a list of at most ${MAX_COMMANDS_PER_MESSAGE} frames, each an object.`;

function parse(text: string): Readonly<Record<string, unknown>> | Problem {
  if (exceedsDepth(text, MAX_BODY_DEPTH)) return `The body nests deeper than ${MAX_BODY_DEPTH}.`;
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body : "The body is a JSON object.";
  } catch {
    return "The body is not JSON.";
  }
}

/** The frames as they were written. */
function framesOf(body: string, commands: readonly Readonly<Record<string, unknown>>[]): CommandFrame[] {
  if (commands.length === 0) return [];
  const texts = elementTexts(memberText(body, "commands") ?? "[]");
  return commands.map((value, at) => ({ id: value.id, value, text: oneLine(texts[at] ?? "") }));
}

function isCommands(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.length <= MAX_COMMANDS_PER_MESSAGE && value.every(isObject);
}

function isChannels(value: unknown, most: number): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= most &&
    value.every((each) => typeof each === "string" && isChannelName(each))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
