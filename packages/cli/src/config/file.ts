/**
 * holdfast.json: which file is read, and its text, which may have comments and trailing commas, as an object.
 *
 * `--config <file>` beats HOLDFAST_CONFIG; without either, ./holdfast.json is read when it exists, so that a
 * project's folder can carry its settings. A file that was named must exist.
 */
import { isUtf8 } from "node:buffer";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { systemCode } from "../failure.js";
import { findJsonOffence } from "./json-position.js";
import { blankComments } from "./jsonc.js";
import { ConfigProblems } from "./problem.js";

export const DEFAULT_FILE = "holdfast.json";

/** Names the file by environment. Not a setting: it cannot be in the file. */
export const FILE_ENV = "HOLDFAST_CONFIG";

const MAX_FILE_BYTES = 1024 * 1024;

export interface ConfigFile {
  /** As it was named. */
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface FileOptions {
  readonly cwd: string;
  /** From `--config` or HOLDFAST_CONFIG; undefined or empty when neither is said. */
  readonly named: string | undefined;
}

const ANOTHER = `name another file with --config or ${FILE_ENV}`;

function unreadable(code: string): string {
  if (code === "ENOENT") return `does not exist: ${ANOTHER}`;
  if (code === "EISDIR") return `is a folder: ${ANOTHER}`;
  if (code === "EACCES" || code === "EPERM")
    return `may not be read by this user (${code}): let it read the file, or ${ANOTHER}`;
  return `cannot be read (${code}): ${ANOTHER}`;
}

/** Throws `ConfigProblems` when the file cannot be used; undefined when there is none and none was named. */
export function readConfigFile({ cwd, named }: FileOptions): ConfigFile | undefined {
  const path = named || DEFAULT_FILE;
  let bytes: Buffer;
  try {
    bytes = readBounded(resolve(cwd, path));
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" && !named) return undefined;
    throw new ConfigProblems([{ path: "", source: path, message: unreadable(code ?? String(error)) }]);
  }
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ConfigProblems([{ path: "", source: path, message: `is larger than 1 MiB: ${ANOTHER}` }]);
  }
  if (!isUtf8(bytes)) {
    throw new ConfigProblems([{ path: "", source: path, message: "is not UTF-8: save it in that encoding" }]);
  }
  return { path, content: parseConfig(path, bytes.toString()) };
}

/**
 * At most one byte more than a file may have: a link may lead to a device without an end. A named pipe
 * without a writer is empty, since a reload must not stand still; one that a shell made (`--config <(…)`) is
 * waited for.
 */
function readBounded(path: string): Buffer {
  const isShells = /^\/(?:dev|proc)\//.test(path);
  const fd = openSync(path, isShells ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** The object in a file's text. */
export function parseConfig(path: string, text: string): Readonly<Record<string, unknown>> {
  // Some editors start a file with a byte order mark; JSON.parse refuses it.
  const json = blankComments(text.replace(/^\uFEFF/, ""));
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (error) {
    const offence = findJsonOffence(json);
    const [where, what] =
      offence === undefined ? ["", String(error)] : [`:${offence.line}:${offence.column}`, offence.what];
    throw new ConfigProblems([{ path: "", source: `${path}${where}`, message: `is not JSON: ${what}` }]);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigProblems([
      { path: "", source: path, message: 'must be an object such as {"port": 8080}' },
    ]);
  }
  return content as Record<string, unknown>;
}
