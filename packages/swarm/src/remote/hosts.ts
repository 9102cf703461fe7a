/**
 * The hosts of a run, as its controller sees them: a connection to each for the whole run, beside those of
 * the agents.
 *
 * Tells them how the run goes, and takes from them what operators order. Invariant: a host whose connection
 * has ended is out of the run for good.
 */
import type { OpenLink } from "../fleet/agent-link.js";
import { SwarmProblem } from "../problem.js";
import type { Progress } from "../progress.js";
import type { RunOrder } from "../run/steering.js";
import { type HostAddress, hostText } from "./host-address.js";
import { type HostFacts, readOrder } from "./host-messages.js";
import type { LineChannel } from "./line-channel.js";
import { type Pass, startAgentAt, type VisitEvents, visitHost } from "./visit-host.js";

/** Takes an order of an operator. Resolves with what came of it; rejects with a `SwarmProblem` why not. */
export type TakeOrder = (order: RunOrder) => Promise<string>;

export interface RunHost {
  readonly address: string;
  readonly facts: HostFacts;
  /** Opens a link to a new agent process there. */
  readonly open: OpenLink;
  /** Why it is out of the run; undefined while it is in. */
  readonly gone: string | undefined;
}

interface Joined {
  readonly facts: HostFacts;
  readonly channel: LineChannel;
  readonly address: HostAddress;
  readonly state: { gone: string | undefined };
}

/** How often a host is told at least, so that it knows that the controller is there. */
export const TELL_MS = 1_000;

export class Hosts {
  readonly #pass: Pass;
  readonly #run: string;
  readonly #takeOrder: TakeOrder;
  readonly #joined: Joined[] = [];
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(pass: Pass, run: string, takeOrder: TakeOrder) {
    this.#pass = pass;
    this.#run = run;
    this.#takeOrder = takeOrder;
  }

  /** Rejects with a `SwarmProblem` that names every host that cannot take part. */
  static async connect(
    addresses: readonly HostAddress[],
    pass: Pass,
    run: string,
    takeOrder: TakeOrder,
  ): Promise<Hosts> {
    const hosts = new Hosts(pass, run, takeOrder);
    const results = await Promise.allSettled(addresses.map((address) => hosts.#join(address)));
    const problems = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    const other: unknown = problems.find((problem) => !(problem instanceof SwarmProblem));
    if (problems.length > 0) {
      hosts.close();
      if (other !== undefined) throw other;
      throw new SwarmProblem("failed", problems.map((problem: Error) => problem.message).join("; "));
    }
    hosts.#timer = setInterval(() => hosts.#tell(), TELL_MS);
    return hosts;
  }

  /** In the order of their addresses. */
  get all(): readonly RunHost[] {
    return this.#joined.map(({ address, facts, state }) => ({
      address: hostText(address),
      facts,
      open: (events) => startAgentAt(address, this.#pass, this.#run, events),
      gone: state.gone,
    }));
  }

  /** How the run goes, for operators that ask a host. */
  tell(progress: Progress): void {
    this.#progress = progress;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { channel } of this.#joined) channel.end("the run is over");
  }

  async #join(address: HostAddress): Promise<void> {
    const state: Joined["state"] = { gone: undefined };
    const events: VisitEvents = {
      message: (message) => void this.#obey(message, address),
      ended: (why) => {
        state.gone = why;
      },
    };
    const role = { role: "controller", run: this.#run } as const;
    this.#joined.push({ ...(await visitHost(address, this.#pass, role, events)), address, state });
    this.#joined.sort((a, b) => hostText(a.address).localeCompare(hostText(b.address)));
  }

  #tell(): void {
    const progress = this.#progress;
    for (const { channel } of this.#joined) channel.send({ do: "progress", progress });
  }

  async #obey(message: Readonly<Record<string, unknown>>, address: HostAddress): Promise<void> {
    if (message.is !== "order") return;
    const { id } = message;
    const channel = this.#joined.find((each) => each.address === address)?.channel;
    const order = readOrder((message.order ?? {}) as Readonly<Record<string, unknown>>);
    if (order === undefined) return channel?.end("what came is no order");
    try {
      channel?.send({ is: "answer", id, ok: true, text: await this.#takeOrder(order) });
    } catch (error) {
      channel?.send({ is: "answer", id, ok: false, text: (error as Error).message });
    }
  }
}
