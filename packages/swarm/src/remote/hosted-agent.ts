/**
 * An agent process of a host: its messages go to the controller and come from there as they are.
 *
 * Invariant: it ends with its connection; one that does not end in time is killed.
 */
import { type AgentLink, forkAgent } from "../fleet/agent-link.js";
import type { ToAgent } from "../messages.js";
import type { LineChannel } from "./line-channel.js";
import type { Received, VisitorPart } from "./visitor.js";

const KILL_AFTER_MS = 20_000;
const VERBS: readonly string[] = Object.freeze([
  "prepare",
  "open",
  "expect",
  "tally",
  "send",
  "close",
  "churn",
  "storm",
  "clock",
  "end",
] satisfies ToAgent["do"][]);

export class HostedAgent implements VisitorPart {
  readonly #channel: LineChannel;
  readonly #link: AgentLink;
  readonly #ended: () => void;
  #killTimer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(channel: LineChannel, ended: () => void) {
    this.#channel = channel;
    this.#ended = ended;
    this.#link = forkAgent({
      message: (message) => channel.send(message),
      ended: (how) => this.#end(how),
    });
  }

  message(message: Received): void {
    if (!VERBS.includes(String(message.do))) return this.#channel.end("what came is no message to an agent");
    // Both sides are of one version, so that its members are those of the type.
    this.#link.send(message as ToAgent);
  }

  left(_why: string): void {
    if (this.#over) return;
    this.#link.send({ do: "end" });
    this.#killTimer = setTimeout(() => this.#link.kill(), KILL_AFTER_MS);
  }

  kill(): void {
    this.#link.kill();
  }

  #end(how: string): void {
    this.#over = true;
    clearTimeout(this.#killTimer);
    this.#channel.send({ is: "ended", how });
    this.#channel.end(how);
    this.#ended();
  }
}
