/**
 * Facts of the Node.js that this command runs on, which is the one that would run the gateway.
 */
import { known, type NodeFacts, unknown } from "@holdfast/doctor";
import type { Terminal } from "../terminal.js";

const DEBUG_VARIABLES = ["NODE_DEBUG", "NODE_DEBUG_NATIVE", "NODE_V8_COVERAGE", "NODE_HEAPSNAPSHOT_SIGNAL"];

export interface RuntimeSource {
  readonly version: string;
  readonly name: string;
  readonly architecture: string;
  readonly execArgv: readonly string[];
  readonly userId: number | undefined;
  /** ms since 1970. */
  now(): number;
}

export const RUNTIME_SOURCE: RuntimeSource = Object.freeze({
  version: process.versions.node,
  name: "bun" in process.versions ? "bun" : "deno" in process.versions ? "deno" : process.release.name,
  architecture: process.arch,
  execArgv: process.execArgv,
  userId: process.getuid?.(),
  now: () => Date.now(),
});

export function readNode({ env }: Pick<Terminal, "env">, source: RuntimeSource = RUNTIME_SOURCE): NodeFacts {
  const { version, name, architecture, execArgv, userId } = source;
  const options = (env.NODE_OPTIONS ?? "").split(/\s+/).filter((flag) => flag !== "");
  return {
    version,
    runtime: name,
    architecture,
    flags: [...options, ...execArgv],
    tlsRejectUnauthorized: env.NODE_TLS_REJECT_UNAUTHORIZED,
    debugVariables: DEBUG_VARIABLES.filter((each) => (env[each] ?? "") !== ""),
    userId: userId === undefined ? unknown("this system has no user ids") : known(userId),
    nowMs: source.now(),
  };
}
