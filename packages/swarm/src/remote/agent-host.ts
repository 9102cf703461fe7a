/**
 * A load machine: listens for a controller, and starts an agent process for each connection that asks for
 * one.
 *
 * Limits: 1,000 agent processes, and 32 visitors that have not said hello; beyond, a visitor is refused.
 * Beside them 128 connections that have not shown the key (handshakes.ts). One run at a time. Invariant: the
 * host keeps nothing of a run that is over.
 */
import { availableParallelism } from "node:os";
import { createServer, type Server } from "node:tls";
import { readMachine } from "../measure/limits.js";
import { SwarmProblem } from "../problem.js";
import { boundHandshakes, MAX_HANDSHAKES } from "./handshakes.js";
import { type HostAddress, hostText } from "./host-address.js";
import { type HostFacts, helloProblem, readOrder } from "./host-messages.js";
import { HostedAgent } from "./hosted-agent.js";
import { HostedRun } from "./hosted-run.js";
import type { LineChannel } from "./line-channel.js";
import { RefusalLog } from "./refusal-log.js";
import { serverKeyOptions } from "./swarm-key.js";
import {
  checkedHello,
  HELLO_TIMEOUT_MS,
  type Received,
  Visitor,
  type VisitorOwner,
  type VisitorPart,
} from "./visitor.js";

const MAX_AGENTS = 1_000;
const MAX_STRANGERS = 32;

export interface AgentHostOptions {
  readonly listen: HostAddress;
  readonly key: string;
  readonly version: string;
  /** Until a visitor has shown the key, ms; default `HELLO_TIMEOUT_MS`. */
  readonly handshakeMs?: number;
  /** One line for the person who started it. */
  log(line: string): void;
}

export class AgentHost implements VisitorOwner {
  readonly facts: HostFacts;
  readonly #options: AgentHostOptions;
  readonly #server: Server;
  readonly #refusals: RefusalLog;
  readonly #visitors = new Set<Visitor>();
  readonly #agents = new Set<HostedAgent>();
  #run: HostedRun | undefined;

  private constructor(options: AgentHostOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options.log);
    const cores = availableParallelism();
    this.facts = { version: options.version, node: process.version, cores, ...readMachine() };
    this.#server = createServer(serverKeyOptions(options.key), (socket) => {
      socket.setNoDelay(true);
      const strangers = [...this.#visitors].filter((each) => each.isStranger).length;
      if (strangers >= MAX_STRANGERS) socket.destroy();
      else this.#visitors.add(new Visitor(socket, this));
    });
    boundHandshakes(this.#server, {
      mostMs: options.handshakeMs ?? HELLO_TIMEOUT_MS,
      refused: (address, why) => this.#refusals.refused(address, why),
    });
    this.#server.maxConnections = MAX_AGENTS + MAX_STRANGERS + MAX_HANDSHAKES;
  }

  /** Rejects with a `SwarmProblem` where it cannot listen. */
  static async listen(options: AgentHostOptions): Promise<AgentHost> {
    const agentHost = new AgentHost(options);
    const { host, port } = options.listen;
    await new Promise<void>((resolve, reject) => {
      agentHost.#server.once("error", ({ message }) =>
        reject(new SwarmProblem("failed", `cannot listen on ${hostText(options.listen)}: ${message}`)),
      );
      agentHost.#server.listen(port, host, resolve);
    });
    return agentHost;
  }

  /** Where it listens. */
  get address(): HostAddress {
    const bound = this.#server.address();
    const { host, port } = this.#options.listen;
    return { host, port: typeof bound === "object" && bound !== null ? bound.port : port };
  }

  /** Ends everything. Resolves when no agent process is left. */
  async close(): Promise<void> {
    this.#server.close();
    this.#refusals.close();
    for (const { channel } of this.#visitors) channel.end("the host ends");
    for (const agent of this.#agents) agent.kill();
    while (this.#agents.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  admit(message: Received, channel: LineChannel): VisitorPart | string {
    const problem = helloProblem(message, this.facts.version);
    if (problem !== undefined) return problem;
    const { role, run } = checkedHello(message);
    if (role === "operator") return this.#operator(channel);
    if (role === "controller") {
      if (this.#run !== undefined) return "another run is under way on this host: stop it first";
      return this.#begin(run, channel);
    }
    if (this.#run?.id !== run) return "the run of this agent is not under way on this host";
    if (this.#agents.size >= MAX_AGENTS) return `a host has at most ${MAX_AGENTS} agent processes`;
    const agent: HostedAgent = new HostedAgent(channel, () => this.#agents.delete(agent));
    this.#agents.add(agent);
    return agent;
  }

  left(visitor: Visitor): void {
    this.#visitors.delete(visitor);
  }

  #begin(id: string, channel: LineChannel): HostedRun {
    this.#options.log(`run ${id} begins`);
    const run = new HostedRun(id, channel, (why) => {
      this.#run = undefined;
      this.#options.log(`run ${id} has ended (${why})`);
    });
    this.#run = run;
    return run;
  }

  #operator(channel: LineChannel): VisitorPart {
    return {
      message: (message) => void this.#answer(message, channel),
      left: () => {},
    };
  }

  async #answer(message: Received, channel: LineChannel): Promise<void> {
    const order = readOrder(message);
    if (order === undefined) return channel.end("what came is no order");
    if (order.order === "status") {
      const { facts } = this;
      const { id: run, progress } = this.#run ?? {};
      channel.send({ is: "status", facts, agents: this.#agents.size, run, progress });
    } else if (this.#run === undefined) {
      channel.send({ is: "answer", ok: false, text: "no run is under way on this host" });
    } else channel.send({ is: "answer", ...(await this.#run.pass(order)) });
    channel.end("answered");
  }
}
