/**
 * What a host and its visitors say to each other before, and beside, the messages of agents (messages.ts).
 *
 * A visitor says hello with its role and is welcomed or refused. Roles: `controller`, one at a time, which
 * keeps its connection for the whole run; `agent`, a connection of the controller for each agent process;
 * `operator`, one question and its answer. Invariant: both sides are of the same version.
 */
import type { Progress } from "../progress.js";
import type { RunOrder } from "../run/steering.js";

/** Raised when messages change their meaning. */
export const SWARM_PROTOCOL = 1;

export type VisitorRole = "controller" | "agent" | "operator";

export interface HostHello {
  readonly hello: "holdfast-swarm";
  readonly protocol: number;
  readonly version: string;
  readonly role: VisitorRole;
  /** Id of the run; empty for an operator. */
  readonly run: string;
}

/** What a machine brings. */
export interface HostFacts {
  readonly version: string;
  readonly node: string;
  readonly cores: number;
  readonly openFiles: number;
  readonly portRange: readonly [number, number];
}

export type HostWelcome =
  | { readonly is: "welcome"; readonly facts: HostFacts }
  | { readonly is: "refused"; readonly why: string };

export interface OrderAnswer {
  readonly is: "answer";
  /** Of the order, where several are under way. */
  readonly id?: number;
  readonly ok: boolean;
  /** A sentence. */
  readonly text: string;
}

/** A host's state, for `status`. */
export interface HostStatus {
  readonly is: "status";
  readonly facts: HostFacts;
  /** Agent processes. */
  readonly agents: number;
  /** Undefined between runs. */
  readonly run?: string | undefined;
  /** What the controller last said of the whole run. */
  readonly progress?: Progress | undefined;
}

/** Why a visitor cannot be let in; undefined where it can. */
export function helloProblem(hello: Readonly<Record<string, unknown>>, version: string): string | undefined {
  if (hello.hello !== "holdfast-swarm")
    return "this is an agent of `holdfast swarm`, and you are no controller";
  const theirs = `${String(hello.version).slice(0, 40)} (protocol ${Number(hello.protocol)})`;
  const ours = `${version} (protocol ${SWARM_PROTOCOL})`;
  if (theirs !== ours) {
    return `the agent is version ${ours}, the controller is ${theirs}: install the same version on both`;
  }
  const { role, run } = hello;
  if (role !== "controller" && role !== "agent" && role !== "operator") return "unknown role";
  if (typeof run !== "string" || !/^[0-9a-z]{0,32}$/.test(run)) return "the run has no id";
  return undefined;
}

/** The order in a message; undefined where it is none. */
export function readOrder(message: Readonly<Record<string, unknown>>): RunOrder | undefined {
  const { order, connections, target } = message;
  if (order === "status" || order === "stop") return { order };
  if (order === "set-n" && Number.isSafeInteger(connections)) {
    return { order, connections: Number(connections) };
  }
  if (order === "set-target" && typeof target === "string" && target.length <= 2_048) {
    return { order, target };
  }
  return undefined;
}
