/**
 * The presence store on Redis: the scripts of presence, and the index of each lease's channels.
 *
 * There are three kinds of keys, each in its own Cluster slot: a channel's members (lua/presence.lua), the
 * leases, and for each lease an index of the channels in which it has members. The index is written before
 * the first member joins, so the worker that ends a lease misses no channel; it may name channels without
 * members. A worker ends its earlier leases before they lapse. A change under such a lease may still be on
 * its way over a connection that was replaced, so marks in the channels and the index refuse it for as long
 * as it could arrive. Invariant: a lease is forgotten only when none of its members is left and none can
 * come.
 */
import type {
  ChangeOutcome,
  Lease,
  LeaseState,
  MembersPage,
  PresenceChange,
  PresenceRule,
  PresenceStore,
  Transition,
} from "@holdfast/core";
import { MAX_PRESENCE_PAGE_BYTES, presenceTopic } from "@holdfast/core";
import { MAX_CURSOR_LENGTH } from "@holdfast/protocol";
import { SCRIPTS } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import type { RedisKeys } from "./keys.js";

/**
 * The stream that transitions are added to, by the script that makes them. Only where all keys are on one
 * server.
 */
export interface TransitionEvents {
  readonly key: string;
  readonly maxLength: number;
}

/**
 * By how much the clocks of a Cluster's servers may differ, ms: a lease is given away that much after its
 * end.
 */
const CLOCK_SKEW_MS = 300;
/** How long who was given a lapsed lease has to end it, ms; then it is given to another. */
const ENDING_MS = 10_000;
/** How long an index stays shut at least, ms. */
const SHUT_MS = 60_000;
/** Lapsed leases in one answer. */
const MAX_LAPSED = 8;
/** Members that one step of an end takes out: about 1 ms of Redis. */
const MEMBERS_PER_STEP = 64;
/** Channels without success after which an end is given up, to be tried again. */
const MAX_REFUSED = 1000;
/** Channels that are looked at side by side while a lease is ended. */
const CHANNELS_AT_ONCE = 16;

export class RedisPresence implements PresenceStore {
  readonly #host: ScriptHost;
  readonly #keys: RedisKeys;
  readonly #events: TransitionEvents | undefined;
  /** Channels in the index, by lease: those of this worker. */
  readonly #indexed = new Map<string, Set<string>>();

  constructor(host: ScriptHost, keys: RedisKeys, events?: TransitionEvents) {
    this.#host = host;
    this.#keys = keys;
    this.#events = events;
  }

  renew(id: string, forMs: number, begin: boolean): Promise<LeaseState> {
    const call = {
      script: SCRIPTS.presenceRenew,
      keys: [this.#keys.leases, this.#keys.endingLeases],
      args: [id, forMs, begin ? 1 : 0, CLOCK_SKEW_MS, ENDING_MS, MAX_LAPSED].map(String),
    };
    return this.#host.ask(call, leaseStateOf);
  }

  async change(
    channel: string,
    lease: Lease,
    changes: readonly PresenceChange[],
    rule: PresenceRule,
  ): Promise<ChangeOutcome> {
    if (!(await this.#index(lease.id, channel))) return { kind: "lapsed" };
    const { topic, keys, stream } = this.#namesOf(channel, lease.id);
    const call = {
      script: SCRIPTS.presenceChange,
      keys,
      args: [
        topic,
        channel,
        lease.id,
        String(lease.until),
        rule.joinLeave,
        String(rule.maxListed),
        stream,
        ...changes.flatMap(argumentsOf),
      ],
    };
    const answer = await this.#host.ask(call, changedOf);
    if (answer === undefined) return { kind: "lapsed" };
    if (answer.left === 0) await this.#forget(lease.id, channel);
    return { kind: "changed", transitions: answer.transitions };
  }

  read(channel: string, limit: number, cursor = ""): Promise<MembersPage> {
    const [members = "", , users = "", meta = ""] = this.#keys.presence(presenceTopic(channel));
    const after = cursor.slice(0, MAX_CURSOR_LENGTH).replaceAll("\n", "");
    const call = {
      script: SCRIPTS.presenceRead,
      keys: [members, users, meta],
      args: [after, String(limit), String(MAX_PRESENCE_PAGE_BYTES)],
    };
    return this.#host.ask(call, pageOf);
  }

  async end(id: string): Promise<void> {
    this.#indexed.delete(id);
    const index = this.#keys.leaseChannels(id);
    const leases = [this.#keys.leases, this.#keys.endingLeases];
    const takenMs = Number(await this.#command("close", leases, [id, String(ENDING_MS)]));
    const markMs = takenMs === 0 ? 0 : takenMs + CLOCK_SKEW_MS;
    await this.#command("shut", [index, this.#keys.endedLease(id)], [String(Math.max(SHUT_MS, markMs))]);
    // A channel that Redis refuses, as while its master is away, holds up no other.
    const refused = new Set<string>();
    let refusal: unknown;
    for (;;) {
      const size = CHANNELS_AT_ONCE + refused.size;
      const sample = await this.#command("sample", [index], [String(size)]);
      const channels = list(sample)
        .map(String)
        .filter((channel) => !refused.has(channel));
      if (channels.length === 0) break;
      const outcomes = await Promise.allSettled(channels.map((each) => this.#endIn(each, id, markMs)));
      const ended = channels.filter((_, at) => outcomes[at]?.status === "fulfilled");
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") continue;
        refusal = outcome.reason;
        refused.add(channels[at] ?? "");
      }
      if (ended.length > 0) await this.#command("remove", [index], ended);
      // An outage refuses all; the next look goes on.
      else if (refused.size >= MAX_REFUSED) break;
    }
    if (refusal !== undefined) throw refusal;
    await this.#command("forget", leases, [id]);
  }

  async #endIn(channel: string, lease: string, markMs: number): Promise<void> {
    const { topic, keys, stream } = this.#namesOf(channel, lease);
    const call = {
      script: SCRIPTS.presenceEnd,
      keys,
      args: [topic, channel, lease, String(MEMBERS_PER_STEP), stream, String(markMs)],
    };
    for (;;) {
      const answer = await this.#host.ask(call, changedOf);
      if (answer === undefined || answer.left === 0) return;
    }
  }

  /** False when the lease has ended. */
  async #index(lease: string, channel: string): Promise<boolean> {
    const known = this.#indexed.get(lease);
    if (known?.has(channel)) return true;
    const keys = [this.#keys.leaseChannels(lease), this.#keys.endedLease(lease)];
    if ((await this.#command("add", keys, [channel])) === -1) return false;
    // Not before Redis has it: a failure is asked again.
    const indexed = this.#indexed.get(lease);
    if (indexed === undefined) this.#indexed.set(lease, new Set([channel]));
    else indexed.add(channel);
    return true;
  }

  async #forget(lease: string, channel: string): Promise<void> {
    this.#indexed.get(lease)?.delete(channel);
    await this.#command("remove", [this.#keys.leaseChannels(lease)], [channel]);
  }

  #command(name: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#host.ask({ script: SCRIPTS.presenceIndex, keys, args: [name, ...args] }, (reply) => reply);
  }

  #namesOf(channel: string, lease: string): { topic: string; keys: readonly string[]; stream: string } {
    const topic = presenceTopic(channel);
    const keys = [...this.#keys.presence(topic), this.#keys.endedPresence(topic, lease)];
    return {
      topic: this.#host.destination(topic),
      keys: this.#events === undefined ? keys : [...keys, this.#events.key],
      stream: String(this.#events?.maxLength ?? 0),
    };
  }
}

function argumentsOf(change: PresenceChange): string[] {
  if (change.kind === "drop") return ["drop", change.session, "", "", ""];
  const { session, user, text, count = 0 } = change.member;
  return ["put", session, user === undefined ? "" : JSON.stringify(user), text, String(count)];
}

function leaseStateOf(reply: unknown): LeaseState {
  const [held, until, lapsed, next] = list(reply);
  const nextMs = Number(next);
  return {
    held: held === "1",
    until: number(until),
    lapsed: list(lapsed).map(String),
    ...(nextMs >= 0 && { nextMs }),
  };
}

/** What presence-change and presence-end answer. */
function changedOf(reply: unknown): { left: number; transitions: readonly Transition[] } | undefined {
  if (reply === null) return undefined;
  const [left, transitions] = list(reply);
  return {
    left: number(left),
    transitions: list(transitions).map((each) => {
      const [occupied, version] = String(each).split(" ");
      return { occupied: occupied === "1", version: number(version) };
    }),
  };
}

function pageOf(reply: unknown): MembersPage {
  const [sequence, version, users, sessions, members, next] = list(reply);
  return {
    sequence: number(sequence),
    version: number(version),
    users: number(users),
    sessions: number(sessions),
    members: list(members).map(String),
    ...(next !== "" && { next: String(next) }),
  };
}

function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : misunderstood();
}

function number(reply: unknown): number {
  const value = typeof reply === "string" || typeof reply === "number" ? Number(reply) : Number.NaN;
  return Number.isSafeInteger(value) ? value : misunderstood();
}

function misunderstood(): never {
  throw new Error("Redis holds something else than presence under the names of it");
}
