/**
 * The process of `holdfast`: hands the command line to the program and ends with its code.
 */
import { runProgram } from "./program.js";
import { processTerminal } from "./terminal.js";
import { readVersion } from "./version.js";

// A reader that went away (`holdfast listen news | head -1`) is an end, not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runProgram(process.argv.slice(2), processTerminal, { version: readVersion() });
