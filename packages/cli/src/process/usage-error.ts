/**
 * What commander says of a wrong command line, with what to do about it: the word that was meant, or where
 * the right ones are.
 *
 * Commander's own suggestions are off: they take `status` for `start`. Invariant: one line, whatever was
 * typed.
 */
import { suggestion } from "@holdfast/core";
import type { Command } from "commander";

/** Characters of what was typed that a message repeats. */
const MAX_LENGTH = 300;

/** `text` is commander's, and begins with `error: `. */
export function usageError(command: Command, text: string): string {
  const said = text
    .replace(/^error: /, "")
    .trim()
    .replaceAll(/\s+/g, " ")
    .slice(0, MAX_LENGTH);
  return `${said}${advice(command, said)}`;
}

function advice(command: Command, said: string): string {
  const help = `\`${fullName(command)} --help\``;
  const unknown = /^unknown (command|option) '([^']*)'/.exec(said);
  if (unknown?.[1] === "command") {
    const names = command.commands.map((each) => each.name());
    return suggestion(unknown[2] ?? "", names) || `: there are ${names.join(", ")}; see ${help}`;
  }
  if (unknown?.[1] === "option") {
    const [flag = ""] = (unknown[2] ?? "").split("=");
    const flags = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
    return suggestion(flag, [...flags, "--help"]) || `: ${help} lists the options`;
  }
  if (said.includes("Expected 0 arguments")) return ` There are only options: see ${help}.`;
  if (said.startsWith("too many arguments")) return " Put quotes around what has spaces.";
  if (said.startsWith("required option")) return `; see ${help}`;
  if (said.startsWith("missing required argument")) return `: ${fullName(command)} ${command.usage()}`;
  return /^(option|command-argument) /.test(said) ? `; see ${help}` : "";
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
