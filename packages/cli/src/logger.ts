/**
 * The log: pino, one JSON object a line for machines, coloured lines for people on a terminal.
 *
 * No transport thread: a worker process has one CPU to itself and a log line is cheap. What standard output does not
 * take is held up to a limit and then dropped, so a stuck reader cannot stop a gateway.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import { build as pretty } from "pino-pretty";

/** Bytes of log lines that may wait for standard output. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

export interface LogOptions {
  readonly level: string;
  readonly format: "pretty" | "json";
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
  { level, format, bindings = {} }: LogOptions,
  stream: DestinationStream = destination({ dest: 1, sync: false, maxLength: MAX_BUFFERED_BYTES }),
): Logger {
  const options = { level, base: { ...bindings }, timestamp: stdTimeFunctions.isoTime };
  if (format === "json") return pino(options, stream);
  return pino(
    options,
    pretty({
      colorize: true,
      destination: stream as NodeJS.WritableStream,
      translateTime: "SYS:HH:MM:ss.l",
      ignore: "pid,hostname,worker",
      // The slot in front of the message, where the eye looks for who speaks.
      messageFormat: ({ worker, msg }) => (worker === undefined ? `${msg}` : `worker ${worker}: ${msg}`),
    }),
  );
}
