/**
 * The process of `holdfast`: hands the command line to the program and ends with its code.
 */
import { giveUpClosedTerminals } from "./process/closed-terminals.js";
import { readVersion } from "./process/version.js";
import { runProgram } from "./program.js";
import { processTerminal } from "./terminal.js";

// A reader that went away (`holdfast listen news | head -1`) is an end, not an error. The log of a gateway
// does not come this way: see log-output.ts.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
  if (code !== "EPIPE") processTerminal.err(`holdfast: standard output cannot be written (${code})`);
  process.exit(code === "EPIPE" ? 0 : 1);
});
giveUpClosedTerminals();
// There is no other place to say it.
process.stderr.on("error", () => {});

process.exitCode = await runProgram(process.argv.slice(2), processTerminal, { version: readVersion() });
