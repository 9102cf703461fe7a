/**
 * The terminal seam: what a command may touch of the process it runs in, so that tests need none.
 */
import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { Failure } from "./failure.js";
import { invocation, realPathOf } from "./invocation.js";
import { ProcessScreen, type TerminalScreen } from "./screen.js";

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd: string;
  /** How this program is called from there: what suggestions begin with. */
  readonly program: string;
  /** All of standard input; rejects with a `Failure` where it has more bytes. */
  input(maxBytes: number): Promise<string>;
  /** Of a terminal; undefined for a file or a pipe. */
  readonly columns?: number | undefined;
  /**
   * Prints a line of the command's result. Resolves when the reader took it: a slow pipe slows the command
   * down.
   */
  out(line: string): Promise<void>;
  /** Prints a line for the person at the terminal, beside the result. */
  err(line: string): void;
  /** Shows a line that the next one takes the place of; empty to clear it. Undefined without a terminal. */
  readonly status?: ((line: string) => void) | undefined;
  /** The whole screen with its keys; undefined where input or output is no terminal. */
  screen?(): TerminalScreen | undefined;
  /** Aborts at the first SIGINT or SIGTERM. */
  interrupted(): AbortSignal;
}

export const processTerminal: Terminal = Object.freeze({
  env: process.env,
  cwd: process.cwd(),
  program: invocation({
    cwd: process.cwd(),
    script: process.argv[1],
    path: process.env.PATH,
    realPath: realPathOf,
  }),
  input: (maxBytes: number) => readInput(process.stdin, maxBytes),
  columns: process.stdout.columns,
  async out(line: string): Promise<void> {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
  },
  err(line: string): void {
    process.stderr.write(`${line}\n`);
  },
  status: process.stderr.isTTY ? showStatus : undefined,
  screen(): TerminalScreen | undefined {
    const { stdin, stdout } = process;
    return stdin.isTTY && stdout.isTTY ? new ProcessScreen(stdin, stdout, process) : undefined;
  },
  interrupted(): AbortSignal {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    process.once("SIGINT", abort);
    process.once("SIGTERM", abort);
    return controller.signal;
  },
});

/** Cut to the terminal's width: a line that wraps could not be written over. */
function showStatus(line: string): void {
  process.stderr.write(`\r\x1b[2K${line.slice(0, process.stderr.columns - 1)}`);
}

/** All of it as text; rejects with a `Failure` where it has more bytes, or is no text in UTF-8. */
export async function readInput(stream: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Failure(`standard input has more than ${maxBytes} bytes`, 2);
    chunks.push(chunk);
  }
  const input = Buffer.concat(chunks);
  // Decoded anyway it would be another text than the one that is there.
  if (!isUtf8(input)) throw new Failure("standard input is not UTF-8: convert it, as with `iconv`", 2);
  return input.toString();
}
