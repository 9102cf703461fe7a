/**
 * The proxies' configurations of deploy/proxy, with the addresses of a test in place of the examples'.
 *
 * Invariant: what is replaced must be there, exactly once.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./program.js";

/** `changes`: what stands in the file, and what stands there instead. */
export function proxyConfig(file: string, changes: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(REPOSITORY, "deploy/proxy", file), "utf8");
  for (const [old, instead] of Object.entries(changes)) {
    const parts = text.split(old);
    if (parts.length !== 2) throw new Error(`${file} has ${JSON.stringify(old)} ${parts.length - 1} times`);
    text = parts.join(instead);
  }
  return text;
}
