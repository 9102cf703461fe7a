/**
 * The log: pino, one JSON object a line for machines, coloured lines for people on a terminal.
 *
 * No transport thread: a worker process has one CPU to itself and a log line is cheap. Where lines go, and what becomes of
 * those that cannot be written, is `log-output.ts`.
 */
import { Writable } from "node:stream";
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { build as pretty } from "pino-pretty";

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
  output: DestinationStream,
): Logger {
  const options = { level, base: { ...bindings }, timestamp: stdTimeFunctions.isoTime };
  if (format === "json") return pino(options, output);
  return pino(
    options,
    pretty({
      colorize: true,
      destination: streamTo(output),
      translateTime: "SYS:HH:MM:ss.l",
      ignore: "pid,hostname,worker",
      // The slot in front of the message, where the eye looks for who speaks.
      messageFormat: ({ worker, msg }) => (worker === undefined ? `${msg}` : `worker ${worker}: ${msg}`),
    }),
  );
}

/** pino-pretty writes to a stream. */
function streamTo(output: DestinationStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string | Buffer, _encoding, done) {
      output.write(String(line));
      done();
    },
  });
}
