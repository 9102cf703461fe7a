/**
 * Machines of a fleet on this one: network namespaces on a bridge, each with an address of its own. Where
 * there may be no namespaces, all are this machine, told apart by their ports.
 *
 *     load balancer, Redis, clients: 198.19.x.1 ──bridge──┬── machine 198.19.x.11
 *                                                         └── machine 198.19.x.12 …
 *
 * Invariant: after `close()` neither bridge nor namespace is there.
 */
import { execFileSync } from "node:child_process";
import { Program, type ProgramOptions } from "./program.js";

export interface Machine {
  /** Where its programs listen, and others reach them. */
  readonly address: string;
  /** Starts a program there. */
  run(file: string, args: readonly string[], options?: ProgramOptions): Program;
  /** Takes the machine away; its programs have ended before. Idempotent. */
  close(): void;
}

/** Of a network's last byte, the first machine's. */
const FIRST = 11;
const MOST = 200;

export class MachineNetwork {
  /** Where machines reach this one. */
  readonly host: string;
  /** Why its machines are no namespaces, or undefined. */
  readonly whyShared: string | undefined;
  readonly #bridge = `hfb${process.pid}`;
  readonly #prefix = `198.19.${process.pid % 256}`;
  readonly #machines: Machine[] = [];

  private constructor(whyShared: string | undefined) {
    this.whyShared = whyShared;
    this.host = whyShared === undefined ? `${this.#prefix}.1` : "127.0.0.1";
  }

  static open(): MachineNetwork {
    const network = new MachineNetwork(undefined);
    try {
      network.#build();
      network.add().close();
      return network;
    } catch (error) {
      network.close();
      return new MachineNetwork(`this needs Linux, root and \`ip\`: ${String(error).split("\n")[0]}`);
    }
  }

  add(): Machine {
    const n = this.#machines.length;
    if (n === MOST) throw new Error(`a network has at most ${MOST} machines`);
    const machine = this.whyShared === undefined ? this.#namespace(n) : SHARED;
    this.#machines.push(machine);
    return machine;
  }

  close(): void {
    for (const machine of this.#machines) machine.close();
    if (this.whyShared === undefined) attempt(() => ip("link", "delete", this.#bridge));
  }

  #build(): void {
    ip("link", "add", "name", this.#bridge, "type", "bridge");
    ip("address", "add", `${this.host}/24`, "dev", this.#bridge);
    ip("link", "set", this.#bridge, "up");
  }

  #namespace(n: number): Machine {
    const name = `holdfast-${process.pid}-${n}`;
    const [ours, theirs] = [`hfm${process.pid}o${n}`, "eth0"];
    const address = `${this.#prefix}.${FIRST + n}`;
    const close = (): void => attempt(() => ip("netns", "delete", name));
    ip("netns", "add", name);
    try {
      ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name);
      ip("link", "set", ours, "master", this.#bridge, "up");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "address", "add", `${address}/24`, "dev", theirs);
      ip("-n", name, "link", "set", theirs, "up");
    } catch (error) {
      close();
      throw error;
    }
    const run = (file: string, args: readonly string[], options?: ProgramOptions): Program =>
      Program.start("ip", ["netns", "exec", name, file, ...args], options);
    return { address, run, close };
  }
}

/** This machine, which stays. */
const SHARED: Machine = {
  address: "127.0.0.1",
  run: (file, args, options) => Program.start(file, args, options),
  close: () => {},
};

/** What is gone already is gone. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Not there.
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
