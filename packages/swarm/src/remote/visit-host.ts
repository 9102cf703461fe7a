/**
 * A visit at a host: connected with the key, hello said, welcomed; then the messages of the visitor's role.
 *
 * Invariant: every promise settles in time, with a `SwarmProblem` that names the host where it fails.
 */
import type { AgentLink, AgentLinkEvents } from "../fleet/agent-link.js";
import type { FromAgent } from "../messages.js";
import { SwarmProblem } from "../problem.js";
import type { RunOrder } from "../run/steering.js";
import { type HostAddress, hostText } from "./host-address.js";
import {
  type HostFacts,
  type HostHello,
  type HostStatus,
  type OrderAnswer,
  SWARM_PROTOCOL,
  type VisitorRole,
} from "./host-messages.js";
import { LineChannel } from "./line-channel.js";
import { connectWithKey } from "./swarm-key.js";

/** Longer than a host gives a controller for an order. */
const ANSWER_TIMEOUT_MS = 12_000;

type Received = Readonly<Record<string, unknown>>;

/** What a visitor comes with. */
export interface Pass {
  readonly key: string;
  readonly version: string;
}

export interface Visit {
  readonly facts: HostFacts;
  readonly channel: LineChannel;
}

export interface VisitEvents {
  message(message: Received): void;
  ended(why: string): void;
}

/** Resolves once welcomed. */
export async function visitHost(
  address: HostAddress,
  { key, version }: Pass,
  { role, run }: { readonly role: VisitorRole; readonly run: string },
  events: VisitEvents,
): Promise<Visit> {
  const socket = await connectWithKey(address.host, address.port, key);
  return new Promise((resolve, reject) => {
    let welcomed = false;
    const fail = (why: string): void =>
      reject(new SwarmProblem("failed", `the agent at ${hostText(address)}: ${why}`));
    const channel = new LineChannel(socket, {
      message(message) {
        if (welcomed) return events.message(message);
        if (message.is !== "welcome") {
          fail(String(message.why ?? "it answered with no welcome"));
          return channel.end("not welcome");
        }
        welcomed = true;
        resolve({ facts: message.facts as HostFacts, channel });
      },
      ended(why) {
        if (welcomed) events.ended(why);
        else fail(why);
      },
    });
    const hello: HostHello = { hello: "holdfast-swarm", protocol: SWARM_PROTOCOL, version, role, run };
    channel.send(hello);
  });
}

/** Starts an agent process at a host. */
export async function startAgentAt(
  address: HostAddress,
  pass: Pass,
  run: string,
  events: AgentLinkEvents,
): Promise<AgentLink> {
  let how: string | undefined;
  const { channel } = await visitHost(
    address,
    pass,
    { role: "agent", run },
    {
      message(message) {
        if (message.is === "ended") how = String(message.how);
        // Both sides are of one version, so that its members are those of the type.
        events.message(message as FromAgent);
      },
      ended: (why) => events.ended(how ?? why),
    },
  );
  return {
    host: hostText(address),
    pid: 0,
    send: (message) => channel.send(message),
    kill() {
      // The host ends the process when its connection is gone.
      channel.end("killed");
    },
  };
}

/** Asks one question. */
export function askHost(
  address: HostAddress,
  pass: Pass,
  order: RunOrder,
): Promise<HostStatus | OrderAnswer> {
  return new Promise((resolve, reject) => {
    let channel: LineChannel | undefined;
    const fail = (why: string): void => {
      clearTimeout(timer);
      channel?.end(why);
      reject(new SwarmProblem("failed", `the agent at ${hostText(address)}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer in ${ANSWER_TIMEOUT_MS / 1000} s`), ANSWER_TIMEOUT_MS);
    const events: VisitEvents = {
      message(message) {
        clearTimeout(timer);
        resolve(message as unknown as HostStatus | OrderAnswer);
        channel?.end("answered");
      },
      ended: fail,
    };
    visitHost(address, pass, { role: "operator", run: "" }, events).then(
      (visit) => {
        channel = visit.channel;
        channel.send(order);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
