/**
 * A network namespace: a machine of its own as far as the network goes, whose cable can be pulled. Linux,
 * root.
 *
 *     ours 198.18.x.1 ──veth── 198.18.x.2 theirs
 *
 * Invariant: after `close()` neither the namespace nor the pair of interfaces is there.
 */
import { execFileSync } from "node:child_process";
import { Program } from "./program.js";

/** Why there can be none here, or undefined. */
export function whyNoNamespace(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const name = `holdfast-try-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "delete", name);
    return undefined;
  } catch (error) {
    return `this needs root and \`ip netns\`: ${String(error).split("\n")[0]}`;
  }
}

export class NetworkNamespace {
  readonly name = `holdfast-${process.pid}`;
  /** Where the namespace reaches this machine. */
  readonly host: string;
  readonly #theirs = `hf${process.pid}t`;

  constructor() {
    const ours = `hf${process.pid}o`;
    const network = `198.18.${process.pid % 256}`;
    this.host = `${network}.1`;
    ip("netns", "add", this.name);
    try {
      ip("link", "add", ours, "type", "veth", "peer", "name", this.#theirs, "netns", this.name);
      ip("address", "add", `${this.host}/24`, "dev", ours);
      ip("link", "set", ours, "up");
      ip("-n", this.name, "address", "add", `${network}.2/24`, "dev", this.#theirs);
      ip("-n", this.name, "link", "set", this.#theirs, "up");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Starts Node.js with a script in the namespace. */
  node(script: string, ...args: readonly string[]): Program {
    return Program.start("ip", ["netns", "exec", this.name, process.execPath, "-e", script, ...args]);
  }

  /** Sets a kernel's setting of the namespace. */
  sysctl(name: string, value: string): void {
    ip("netns", "exec", this.name, "sysctl", "-qw", `${name}=${value}`);
  }

  /** Pulls the cable: packets are dropped in both directions, and no program is told. */
  cut(): void {
    ip("-n", this.name, "link", "set", this.#theirs, "down");
  }

  /** The interfaces go with it. */
  close(): void {
    ip("netns", "delete", this.name);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
