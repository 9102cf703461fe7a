/**
 * Builds the C programs of packages/bench/native with the system's compiler, once for each content.
 *
 * Binaries live in the cache under the hash of their sources; none is ever in the repository. Without a
 * compiler, or off Linux, there is none and the callers fall back to Node or name the peer as missing.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { BENCH, cacheDirectory } from "../packages.js";

export type NativeProgram = "storm" | "fleet" | "send-loop";

/** The path of the built program, or why there is none. */
export function nativeProgram(name: NativeProgram): { readonly path: string } | { readonly missing: string } {
  if (process.env.BENCH_NATIVE === "off") return { missing: "BENCH_NATIVE is off" };
  const source = join(BENCH, "native", `${name}.c`);
  const headers = ["websocket.h", "comet.h"].map((header) => join(BENCH, "native", header));
  const hash = createHash("sha256");
  for (const file of [source, ...headers]) hash.update(readFileSync(file));
  const path = join(cacheDirectory("native"), `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(path)) return { path };
  // Under another name first: a second bench must not run half a binary.
  const unfinished = `${path}.${process.pid}`;
  try {
    execFileSync("cc", ["-O2", "-o", unfinished, source], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    return { missing: `cc could not build native/${name}.c: ${(error as Error).message.split("\n")[0]}` };
  }
  renameSync(unfinished, path);
  return { path };
}
