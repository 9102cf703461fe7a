/**
 * What a log that cannot be written costs: lines, and nothing else. Neither a start, nor a client, nor the
 * end waits for it.
 */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { HOLDFAST, Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const own = new Resources();
afterEach(() => own.close());

interface Started {
  readonly program: Program;
  readonly port: number;
  readonly metrics: () => Promise<string>;
}

/** A gateway whose standard streams are as the shell's `redirections` say. */
async function start(redirections: string, ...args: string[]): Promise<Started> {
  const port = await freePorts(2);
  const flags = [
    "--port",
    `${port}`,
    "--admin-port",
    `${port + 1}`,
    "--workers",
    "2",
    "--log-format",
    "json",
  ];
  const program = own.add(
    Program.start("/bin/sh", [
      ...["-c", `exec "$0" "$@" ${redirections}`, process.execPath, HOLDFAST, "start", ...flags, ...args],
    ]),
  );
  const text = async (at: number, path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${at}${path}`, { headers: { Connection: "close" } });
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
    return response.text();
  };
  await eventually("it is ready", () => text(port + 1, "/readyz"), 30_000);
  return { program, port, metrics: () => text(port + 1, "/metrics") };
}

/** A pipe whose reader stands still: full, and never read. */
function stuckPipe(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  own.add({
    close: () => {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    },
  });
  // Pages first, then what is left of the last one.
  for (const bytes of [4096, 1]) {
    try {
      for (;;) writeSync(fd, "x".repeat(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
  return path;
}

describe("a log reader that stands still", () => {
  test.each([
    ["standard output", (pipe: string) => `>'${pipe}'`],
    ["standard output and error, which are one", (pipe: string) => `>'${pipe}' 2>&1`],
    ["standard error", (pipe: string) => `>/dev/null 2>'${pipe}'`],
  ])("delays neither the start nor the end: %s", async (_, redirections) => {
    const { program, port } = await start(redirections(stuckPipe()), "--drain-window", "200ms");
    const client = own.add(await PlainClient.subscribed(`ws://127.0.0.1:${port}/ws?channels=news`));
    program.signal("SIGTERM");
    expect((await client.closed).code).toBe(3000);
    expect(await program.exit(10_000)).toEqual({ code: 0, signal: null });
    await program.gone();
  });
});

describe("standard output that cannot be written", () => {
  test.each([
    ["a full disk", ">/dev/full"],
    ["a full disk, for standard error too", ">/dev/full 2>&1"],
    ["closed", ">&-"],
    ["closed, with standard error and input", "<&- >&- 2>&-"],
    ["open for reading only", ">/dev/null 1</dev/null"],
  ])("loses lines, not clients: %s", async (what, redirections) => {
    const { program, port, metrics } = await start(redirections, "--log-level", "debug");
    const client = own.add(await PlainClient.subscribed(`ws://127.0.0.1:${port}/ws?channels=news`));
    const text = await metrics();
    expect(metric(text, "holdfast_worker_restarts_total")).toBe(0);
    // What is closed at the start Node.js opens anew, to nowhere.
    if (!what.startsWith("closed")) expect(metric(text, "holdfast_log_lines_lost_total")).toBeGreaterThan(0);
    expect(client.ending).toBeUndefined();
    program.signal("SIGTERM");
    expect(await program.exit(15_000)).toEqual({ code: 0, signal: null });
  });
});
