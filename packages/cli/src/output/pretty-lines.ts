/**
 * Log lines for people: the time of day, the level, the message, and each field on a line of its own.
 *
 * Ours, as the package for it does not install on every Node.js that we support (ADR 33). Invariant: what
 * comes in is one JSON line of pino's; what goes out is text of the same content, with colours only where
 * they are wanted.
 */
import type { DestinationStream } from "pino";

const RESET = "\x1b[0m";
const LEVELS: Readonly<Record<number, readonly [name: string, colour: string]>> = Object.freeze({
  20: ["DEBUG", "\x1b[34m"],
  30: ["INFO", "\x1b[32m"],
  40: ["WARN", "\x1b[33m"],
  50: ["ERROR", "\x1b[31m"],
});
/** Said elsewhere in the line, or of no use to the eye. */
const HIDDEN = ["level", "time", "msg", "pid", "worker"];

export class PrettyLines implements DestinationStream {
  readonly #output: DestinationStream;
  readonly #colour: boolean;

  constructor(output: DestinationStream, colour: boolean) {
    this.#output = output;
    this.#colour = colour;
  }

  write(line: string): void {
    this.#output.write(this.#pretty(JSON.parse(line) as Readonly<Record<string, unknown>>));
  }

  #pretty(line: Readonly<Record<string, unknown>>): string {
    const { level, time, msg, worker } = line;
    const [name, colour] = LEVELS[Number(level)] ?? [`LEVEL ${String(level)}`, ""];
    const message = worker === undefined ? String(msg) : `worker ${String(worker)}: ${String(msg)}`;
    const shown = this.#colour
      ? `${colour}${name}${RESET}: \x1b[36m${message}${RESET}`
      : `${name}: ${message}`;
    const fields = Object.entries(line).filter(([key]) => !HIDDEN.includes(key));
    return `[${timeOfDay(String(time))}] ${shown}\n${fields.map(([key, value]) => field(key, value)).join("")}`;
  }
}

/** Colours are for terminals; the variable NO_COLOR is the user's wish that there be none. */
export function wantsColour(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

function field(key: string, value: unknown): string {
  const { stack } = (value ?? {}) as { readonly stack?: unknown };
  const text = typeof stack === "string" ? stack : JSON.stringify(value, null, 2);
  return `    ${key}: ${text.replaceAll("\n", "\n    ")}\n`;
}

function timeOfDay(iso: string): string {
  const time = new Date(iso);
  const two = (number: number): string => String(number).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
