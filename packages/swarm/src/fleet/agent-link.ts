/**
 * The seam between a coordinator and one agent's process, wherever that runs: on this machine, where it is a
 * child, or on a host, where `holdfast swarm agent` started it.
 *
 * Both carry the same messages (messages.ts). Invariant: `ended` is told once, and nothing after it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromAgent, ToAgent } from "../messages.js";

export interface AgentLinkEvents {
  message(message: FromAgent): void;
  /** Its process or the way to it is gone: `SIGKILL`, `code 1`, `nothing came for 15 s`. */
  ended(how: string): void;
}

export interface AgentLink {
  /** Address of its host; undefined on this machine. */
  readonly host: string | undefined;
  /** Of a process of this machine; 0 elsewhere. */
  readonly pid: number;
  send(message: ToAgent): void;
  /** Ends the process without asking it. */
  kill(): void;
}

/** Opens a link. Rejects with a `SwarmProblem`. */
export type OpenLink = (events: AgentLinkEvents) => Promise<AgentLink>;

const MAIN = fileURLToPath(new URL("../agent/main.js", import.meta.url));
/** Small heaps: connections are mostly outside of it, and what they leave behind is soon garbage. */
const NODE_FLAGS = ["--max-semi-space-size=2", "--v8-pool-size=1", "--max-old-space-size=1024"];

/** Starts an agent as a child of this process. */
export function forkAgent(events: AgentLinkEvents): AgentLink {
  const child: ChildProcess = fork(MAIN, [], {
    execArgv: NODE_FLAGS,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let ended = false;
  const end = (how: string): void => {
    if (ended) return;
    ended = true;
    events.ended(how);
  };
  child.on("message", (message: FromAgent) => events.message(message));
  // A process that was never there has no exit; a message to one that just ended has its exit beside it.
  child.on("error", (error) => {
    if (child.pid === undefined) end(`cannot be started: ${error.message}`);
  });
  child.once("exit", (code, signal) => end(signal ?? `code ${code}`));
  return {
    host: undefined,
    pid: child.pid ?? 0,
    send(message) {
      if (!ended && child.connected) child.send(message, () => {});
    },
    kill() {
      child.kill("SIGKILL");
    },
  };
}
