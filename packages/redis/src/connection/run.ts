/**
 * Runs: publications of one topic that a script carries out in one step, in their order.
 *
 * What is the same for all of them is done once: whose data it is, the time, the state of the log, expiries.
 * Callers' runs of one publication become one run where they wait for each other (lanes.ts). Invariants: a
 * run is what its publications are one by one (lua/run.lua); the server is held up for 2 ms at most, see
 * `MAX_RUN`.
 */
import type { Script, ScriptArgument, ScriptCall } from "./script.js";

/** Publications of one run: 16 µs each of a Redis on a machine with two cores and a load of nine. */
export const MAX_RUN = 128;
/** Bytes of one run, one publication beyond. */
export const MAX_RUN_BYTES = 256 * 1024;

export interface RunPart {
  /** Data or payload, as the script takes it. */
  readonly data: ScriptArgument;
  /** The record of its idempotency key. */
  readonly record: string | undefined;
}

export interface RunCall {
  readonly script: Script;
  /** Runs of one lane are carried out in the order of the calls. */
  readonly lane: string;
  /** What the script is told once. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** Unlike that of any other call, told in front of the others. */
  readonly nonce?: string;
  readonly parts: readonly RunPart[];
}

/** With until when it is wanted, as the server has it (lua/run.lua). */
export interface DatedRun extends RunCall {
  readonly deadline: string;
}

/** Whether both can be one run. */
export function mayJoin(one: RunCall, other: RunCall): boolean {
  return (
    one.script === other.script &&
    one.parts.length === 1 &&
    other.parts.length === 1 &&
    one.args.every((arg, at) => arg === other.args[at])
  );
}

/** Runs that may be joined, as one call. At least one. */
export function joined(runs: readonly [DatedRun, ...DatedRun[]]): ScriptCall {
  const [{ script, keys, args, nonce }] = runs;
  const allKeys = [...keys];
  const allArgs: ScriptArgument[] = nonce === undefined ? [...args] : [nonce, ...args];
  for (const { deadline, parts } of runs) {
    for (const { data, record } of parts) {
      allArgs.push(deadline, record === undefined ? "0" : "1", data);
      if (record !== undefined) allKeys.push(record);
    }
  }
  return { script, keys: allKeys, args: allArgs };
}

/** What it takes of the way to Redis. */
export function runBytes({ keys, args, parts }: RunCall): number {
  let bytes = 0;
  for (const part of keys) bytes += part.length;
  for (const part of args) bytes += part.length;
  for (const { data, record } of parts) bytes += Buffer.byteLength(data) + (record?.length ?? 0);
  return bytes;
}
