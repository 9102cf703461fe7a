/**
 * The log: pino, one JSON object a line for machines, lines for people on a terminal.
 *
 * No transport thread: a worker process has one CPU to itself and a log line is cheap. Where lines go, and
 * what becomes of those that cannot be written, is `log-output.ts`. Invariant: no key is twice in a line.
 */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { PrettyLines } from "./pretty-lines.js";

export interface LoggerOptions {
  readonly level: string;
  readonly format: "pretty" | "json";
  /** Of pretty lines. */
  readonly colour: boolean;
  /** On every line, e.g. the worker's slot. */
  readonly bindings?: Readonly<Record<string, unknown>>;
}

/** `auto` by whether lines end on a terminal. */
export function logFormatFor(
  format: "auto" | "pretty" | "json",
  stdout: { readonly isTTY?: boolean },
): "pretty" | "json" {
  if (format !== "auto") return format;
  return stdout.isTTY === true ? "pretty" : "json";
}

export function createLogger(
  { level, format, colour, bindings = {} }: LoggerOptions,
  output: DestinationStream,
): Logger {
  const taken = new Set(["level", "time", "msg", ...Object.keys(bindings)]);
  const options = {
    level,
    base: { ...bindings },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { log: (fields: Record<string, unknown>) => renamed(fields, taken) },
  };
  return pino(options, format === "json" ? output : new PrettyLines(output, colour));
}

/** A field that is named as one of every line gets another name: parsers keep only one of two. */
function renamed(fields: Record<string, unknown>, taken: ReadonlySet<string>): Record<string, unknown> {
  if (!Object.keys(fields).some((key) => taken.has(key))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [taken.has(key) ? nameBeside(key) : key, value]),
  );
}

/** `pid` → `itsPid` */
function nameBeside(key: string): string {
  return `its${key.charAt(0).toUpperCase()}${key.slice(1)}`;
}
