/**
 * How help looks: groups, at most 80 columns, and a long flag on a line of its own with its text below.
 *
 * Invariant: no line is longer than the terminal, nor than 80 columns, as far as words allow it.
 */
import type { Command, Help } from "commander";

const MAX_WIDTH = 80;
/** A term that is longer has its text on the next line, so that one long flag does not squeeze all texts. */
const MAX_TERM = 26;
const INDENT = 2;

export function helpWidth(columns: number | undefined): number {
  return Math.min(MAX_WIDTH, columns ?? MAX_WIDTH);
}

export function formatHelpOf(command: Command): void {
  command.configureHelp({
    padWidth: (of: Command, helper: Help) =>
      Math.min(
        MAX_TERM,
        Math.max(
          helper.longestOptionTermLength(of, helper),
          helper.longestSubcommandTermLength(of, helper),
          helper.longestArgumentTermLength(of, helper),
        ),
      ),
    formatItem(term: string, termWidth: number, description: string, helper: Help): string {
      const indent = " ".repeat(INDENT);
      if (description === "") return `${indent}${term}`;
      const column = " ".repeat(INDENT + termWidth + 2);
      const room = (helper.helpWidth ?? MAX_WIDTH) - column.length;
      const text = helper.boxWrap(description, room).replaceAll("\n", `\n${column}`);
      const width = helper.displayWidth(term);
      if (width > termWidth) return `${indent}${term}\n${column}${text}`;
      return `${indent}${term}${" ".repeat(termWidth - width + 2)}${text}`;
    },
  });
}
