/**
 * Shard subscriptions: keeps each wished sharded channel subscribed at the master that has its slot.
 *
 * One attempt for one server is under way at a time; a server that fails rests for a while, and the slots
 * are asked for anew. Invariants: a channel that was placed and had to be placed again is told as skipped,
 * after the new subscription is confirmed, since what was published in between reached no connection of
 * ours; of two servers that send one channel only the one is heard at which it is placed.
 */
import type { Clock } from "@holdfast/core";
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { slotOf } from "../connection/slot.js";
import { withDeadline } from "../runtime/deadline.js";
import { pause } from "../runtime/pause.js";
import type { ShardConnection, ShardEvents } from "./shard-connection.js";
import type { SlotOwners } from "./slot-owners.js";

export interface ShardSubscriptionsParts {
  readonly owners: SlotOwners;
  readonly open: (address: string, events: ShardEvents) => Promise<ShardConnection>;
  /** Asks a member for the slots. `refreshed` is called when they have come. */
  readonly refresh: () => void;
  readonly message: (channel: string, payload: Buffer) => void;
  readonly skipped: (channel: string) => void;
  /** A channel that was placed is refused now. */
  readonly lose: (error: Error) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Placement {
  readonly channel: string;
  readonly slot: number;
  shard: ShardConnection | undefined;
  /** Whether something may have been missed, which is to be told once it is placed. */
  isOwed: boolean;
  /** Servers that have sent it on to another since it was placed. */
  hops: number;
  /** Of the call that waits for it. */
  settle: ((refusal: Error | undefined) => void) | undefined;
}

/** Answers that say that the server cannot do it now. */
const NOT_NOW = /^(CLUSTERDOWN|LOADING|MASTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS) /;
const BACKOFF = { ...BACKOFF_DEFAULTS, minDelayMs: 50, maxDelayMs: 2000 };
const MAX_PER_ATTEMPT = 1000;
/** Two servers may send a channel to each other until they agree. */
const MAX_HOPS = 3;

export class ShardSubscriptions {
  readonly #parts: ShardSubscriptionsParts;
  readonly #placements = new Map<string, Placement>();
  readonly #unplaced = new Set<Placement>();
  readonly #shards = new Map<string, ShardConnection>();
  /** Servers at which an attempt is under way, or which rest after one that failed. */
  readonly #busy = new Set<string>();
  /** Attempts that failed in a row, by server. */
  readonly #failures = new Map<string, number>();
  readonly #events: ShardEvents;
  /** Connections of which the server has ended subscriptions, to be looked at together. */
  readonly #dropping = new Set<ShardConnection>();

  constructor(parts: ShardSubscriptionsParts) {
    this.#parts = parts;
    this.#events = {
      message: (shard, channel, payload) => this.#message(shard, channel.toString(), payload),
      dropped: (shard) => this.#dropped(shard),
      ended: (shard) => this.#ended(shard),
    };
  }

  /**
   * Resolves when all are placed, or at its deadline; what is placed later is told as skipped then. Rejects
   * where a server refuses one.
   */
  async subscribe(channels: readonly string[]): Promise<void> {
    const waiting: Promise<void>[] = [];
    for (const channel of channels) {
      if (this.#placements.has(channel)) continue;
      const placement: Placement = {
        channel,
        slot: slotOf(channel),
        shard: undefined,
        isOwed: false,
        hops: 0,
        settle: undefined,
      };
      this.#placements.set(channel, placement);
      this.#unplaced.add(placement);
      waiting.push(
        new Promise((resolve, reject) => {
          placement.settle = (refusal) => (refusal === undefined ? resolve() : reject(refusal));
        }),
      );
    }
    this.#pump();
    const { clock, timeoutMs } = this.#parts;
    const all = Promise.all(waiting);
    try {
      await withDeadline(clock, timeoutMs, "SSUBSCRIBE", all).catch(() => {
        for (const channel of channels) this.#owe(channel);
      });
      await all;
    } catch (error) {
      await this.unsubscribe(channels);
      throw error;
    }
  }

  /** Never rejects. */
  async unsubscribe(channels: readonly string[]): Promise<void> {
    const placed = new Map<ShardConnection, string[]>();
    for (const channel of channels) {
      const placement = this.#placements.get(channel);
      if (placement === undefined) continue;
      this.#placements.delete(channel);
      this.#unplaced.delete(placement);
      placement.settle?.(undefined);
      const { shard } = placement;
      if (shard === undefined) continue;
      const others = placed.get(shard);
      if (others === undefined) placed.set(shard, [channel]);
      else others.push(channel);
    }
    await Promise.all([...placed].map(([shard, some]) => shard.unsubscribe(some)));
  }

  /** The slots were listed anew. */
  refreshed(): void {
    const { owners } = this.#parts;
    const changed = owners.changed();
    if (changed.size > 0) {
      for (const placement of this.#placements.values())
        if (changed.has(placement.slot)) this.#unplaced.add(placement);
      for (const [address, shard] of this.#shards) if (!owners.hasMaster(address)) shard.close();
    }
    this.#pump();
  }

  /** Ends connections that give no sign of life. Never rejects. */
  async ping(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((shard) => shard.ping()));
  }

  #owe(channel: string): void {
    const placement = this.#placements.get(channel);
    if (placement === undefined || placement.shard !== undefined) return;
    placement.isOwed = true;
    placement.settle?.(undefined);
  }

  /** Begins an attempt at each server that has slots of unplaced channels and is not busy. */
  #pump(): void {
    const { owners, signal } = this.#parts;
    if (signal.aborted) return;
    const groups = new Map<string, Placement[]>();
    for (const placement of this.#unplaced) {
      const owner = owners.of(placement.slot);
      if (placement.shard !== undefined && placement.shard.address === owner) {
        this.#unplaced.delete(placement);
        continue;
      }
      if (owner === undefined || this.#busy.has(owner)) continue;
      const group = groups.get(owner);
      if (group === undefined) groups.set(owner, [placement]);
      else if (group.length < MAX_PER_ATTEMPT) group.push(placement);
    }
    for (const [address, group] of groups) {
      this.#busy.add(address);
      void this.#attempt(address, group).finally(() => {
        this.#busy.delete(address);
        this.#pump();
      });
    }
  }

  /** Never rejects. */
  async #attempt(address: string, group: readonly Placement[]): Promise<void> {
    const { random, clock, signal } = this.#parts;
    const isDone = await this.#place(address, group);
    if (isDone || signal.aborted) {
      this.#failures.delete(address);
      return;
    }
    const failures = this.#failures.get(address) ?? 0;
    this.#failures.set(address, failures + 1);
    this.#parts.refresh();
    await pause(clock, backoffDelay(failures, random(), BACKOFF.minDelayMs, BACKOFF), signal);
  }

  /** False where another attempt must wait. */
  async #place(address: string, group: readonly Placement[]): Promise<boolean> {
    let shard: ShardConnection;
    try {
      shard = await this.#shard(address);
    } catch {
      return false;
    }
    const drops = shard.drops;
    const outcomes = await shard.subscribe(group.map(({ channel }) => channel));
    // Confirmed, and ended again before this could look.
    const holds = shard.drops === drops ? undefined : shard.holds();
    const unwished: string[] = [];
    let isDone = true;
    for (const [at, placement] of group.entries()) {
      const error = outcomes[at];
      if (error === undefined && holds?.has(placement.channel) === false) placement.isOwed = true;
      else if (error !== undefined) isDone = this.#failed(placement, error) && isDone;
      else if (!this.#confirmed(placement, shard)) unwished.push(placement.channel);
    }
    if (unwished.length > 0) await shard.unsubscribe(unwished);
    return isDone;
  }

  async #shard(address: string): Promise<ShardConnection> {
    const known = this.#shards.get(address);
    if (known !== undefined) return known;
    const shard = await this.#parts.open(address, this.#events);
    this.#shards.set(address, shard);
    return shard;
  }

  /** False where it is not wished there. */
  #confirmed(placement: Placement, shard: ShardConnection): boolean {
    const { channel } = placement;
    const current = this.#placements.get(channel);
    // Wished again meanwhile: that attempt comes behind on the same connection.
    if (current !== placement) return current !== undefined;
    const before = placement.shard;
    if (before === shard) return true;
    if (this.#shards.get(shard.address) !== shard) return true;
    if (before !== undefined) {
      placement.isOwed = true;
      void before.unsubscribe([channel]);
    }
    placement.shard = shard;
    placement.hops = 0;
    this.#unplaced.delete(placement);
    placement.settle?.(undefined);
    placement.settle = undefined;
    if (placement.isOwed) {
      placement.isOwed = false;
      this.#parts.skipped(channel);
    }
    return true;
  }

  /** Whether another attempt may follow at once. */
  #failed(placement: Placement, error: Error): boolean {
    if (this.#parts.owners.learn(error)) return placement.hops++ < MAX_HOPS;
    const isRefused = error.name === "ReplyError" && !NOT_NOW.test(error.message);
    if (!isRefused || this.#placements.get(placement.channel) !== placement) return false;
    if (placement.settle === undefined) this.#parts.lose(error);
    else placement.settle(error);
    this.#unplaced.delete(placement);
    return true;
  }

  #message(shard: ShardConnection, channel: string, payload: Buffer): void {
    const placement = this.#placements.get(channel);
    if (placement === undefined) return;
    // The first payloads may come with the confirmation, before it was looked at.
    if (placement.shard === undefined || placement.shard === shard) this.#parts.message(channel, payload);
  }

  #dropped(shard: ShardConnection): void {
    this.#dropping.add(shard);
    if (this.#dropping.size > 1) return;
    this.#parts.clock.defer(() => {
      const held = new Map([...this.#dropping].map((each) => [each, each.holds()]));
      this.#dropping.clear();
      this.#displace(({ shard: at, channel }) => at !== undefined && held.get(at)?.has(channel) === false);
    });
  }

  #ended(shard: ShardConnection): void {
    if (this.#shards.get(shard.address) === shard) this.#shards.delete(shard.address);
    this.#displace((placement) => placement.shard === shard);
  }

  #displace(isGone: (placement: Placement) => boolean): void {
    for (const placement of this.#placements.values()) {
      if (!isGone(placement)) continue;
      placement.shard = undefined;
      placement.isOwed = true;
      this.#unplaced.add(placement);
    }
    this.#parts.refresh();
    this.#pump();
  }
}
