/**
 * The options by which commands of the swarm find load machines: their addresses, and the key.
 *
 * Invariant: the key is in no error and no output.
 */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { checkSwarmKey, type HostAddress, parseHostFile, parseHostList, SwarmProblem } from "@holdfast/swarm";
import { type Command, Option } from "commander";
import { Failure, sentence } from "../failure.js";
import type { Terminal } from "../terminal.js";

export const SWARM_KEY_ENV = "HOLDFAST_SWARM_KEY";
/** Of a file with a key or with addresses. */
const MAX_FILE_BYTES = 64 * 1024;

export interface KeyOptions {
  readonly key?: string;
  readonly keyFile?: string;
}

export interface HostOptions extends KeyOptions {
  readonly agents?: string;
  readonly agentsFile?: string;
}

export function addKeyOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--key <key>",
        `what controller and agents share, 16 characters or more (env: ${SWARM_KEY_ENV})`,
      ),
    )
    .addOption(new Option("--key-file <file>", "a file with the key, in place of --key"));
}

/** For the verbs that ask hosts. */
export function addHostOptions(command: Command): Command {
  command
    .addOption(
      new Option("--agents <hosts>", "load machines with `holdfast swarm agent`: host1,host2:9190,…"),
    )
    .addOption(new Option("--agents-file <file>", "a file with one of them a line"));
  return addKeyOptions(command);
}

/** The key. Throws a `Failure` where there is none. */
export function keyOf({ key, keyFile }: KeyOptions, { cwd, env }: Terminal): string {
  if (key !== undefined && keyFile !== undefined) {
    throw new Failure("--key and --key-file exclude each other: say one of them", 2);
  }
  const found = keyFile === undefined ? (key ?? env[SWARM_KEY_ENV]) : readText(cwd, keyFile).trim();
  if (found === undefined || found === "") {
    throw new Failure(
      `the swarm needs a key that controller and agents share: set ${SWARM_KEY_ENV} or name --key-file (make one with \`openssl rand -hex 32\`)`,
      2,
    );
  }
  return orFailure(() => checkSwarmKey(found));
}

/** Addresses of `--agents` or `--agents-file`; undefined where neither names any. */
export function hostsOf(
  agents: string | undefined,
  agentsFile: string | undefined,
  { cwd }: Terminal,
): HostAddress[] | undefined {
  if (agents !== undefined && agentsFile !== undefined) {
    throw new Failure("--agents with addresses and --agents-file exclude each other: say one of them", 2);
  }
  if (agentsFile !== undefined) return orFailure(() => parseHostFile(readText(cwd, agentsFile), agentsFile));
  return agents === undefined ? undefined : orFailure(() => parseHostList(agents));
}

/** A text file of bounded size. Throws a `Failure` that names it. */
export function readText(cwd: string, path: string, maxBytes = MAX_FILE_BYTES): string {
  const full = resolve(cwd, path);
  try {
    if (statSync(full).size > maxBytes) throw new Error(`the file has more than ${maxBytes} bytes`);
    return readFileSync(full, "utf8");
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${sentence(error)}`, 2, { cause: error });
  }
}

/** What a `SwarmProblem` says, as a `Failure` with its exit code. */
export function orFailure<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asFailure(error);
  }
}

export function asFailure(error: unknown): unknown {
  if (!(error instanceof SwarmProblem)) return error;
  return new Failure(error.message, error.kind === "wrong" ? 2 : 1, { cause: error });
}
