/**
 * The terminal seam: what a command may touch of the process it runs in, so that tests need none.
 */
import { once } from "node:events";
import { Failure } from "./failure.js";
import { invocation, realPathOf } from "./invocation.js";

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
  async input(maxBytes: number): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Failure(`standard input has more than ${maxBytes} bytes`, 2);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  },
  columns: process.stdout.columns,
  async out(line: string): Promise<void> {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
  },
  err(line: string): void {
    process.stderr.write(`${line}\n`);
  },
  status: process.stderr.isTTY ? showStatus : undefined,
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
