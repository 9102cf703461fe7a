/**
 * Opens what a fleet is to have, at an even rate, for the whole run: also what is wanted later, and what
 * other agents had that died.
 *
 * Invariant: an agent is never told to open more than its orders allow, and over any stretch of time at most
 * rate × (time + 0.25 s) are opened.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Pacer } from "../pacer.js";
import type { Fleet } from "./fleet.js";

const TICK_MS = 50;
/** Attempts on their way at most, in seconds of the rate. */
const MOST_UNDECIDED_S = 0.75;
const LEAST_UNDECIDED = 500;

export class Opener {
  readonly #fleet: Fleet;
  #timer: NodeJS.Timeout | undefined;
  #rate = 1;
  #pacer = new Pacer(1, 0);
  #turn = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Connections that there are to be, all together. */
  get wanted(): number {
    return this.#fleet.working.reduce((sum, { wanted }) => sum + wanted, 0);
  }

  /** Connections that the agents there are could have. */
  get capacity(): number {
    return this.#fleet.working.reduce((sum, { agent }) => sum + agent.orders.connections, 0);
  }

  /** From now on everything that is wanted is opened, at `rate` a second. */
  start(rate: number): void {
    this.#rate = rate;
    this.#pacer = new Pacer(rate, performance.now());
    this.#timer ??= setInterval(() => this.#openSome(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Shares out `connections`, at most the capacity: agents open what is missing, and close the rest. */
  setWanted(connections: number): void {
    const { capacity } = this;
    const most = Math.min(connections, capacity);
    let [before, given] = [0, 0];
    for (const member of this.#fleet.working) {
      before += member.agent.orders.connections;
      const until = Math.round((most * before) / capacity);
      member.wanted = until - given;
      given = until;
      const tooMany = member.opened - member.wanted;
      if (tooMany <= 0) continue;
      member.opened = member.wanted;
      member.agent.send({ do: "close", count: tooMany });
    }
  }

  /** Resolves when each wanted connection is there or over and no other one is there, or at an abort. */
  async settled(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const unsettled = this.#fleet.working.some(
        ({ agent, opened, wanted }) => opened < wanted || agent.report.connected > opened,
      );
      if (!unsettled && this.#fleet.totals().undecided === 0) return;
      await sleep(TICK_MS);
    }
  }

  #openSome(): void {
    const open = this.#fleet.working.filter(({ opened, wanted }) => opened < wanted);
    // One agent a turn, the next in the next: a few wake-ups, and all fill evenly.
    const member = open[this.#turn++ % Math.max(1, open.length)];
    const most = Math.max(LEAST_UNDECIDED, Math.ceil(this.#rate * MOST_UNDECIDED_S));
    const missing = member === undefined ? 0 : member.wanted - member.opened;
    const room = Math.max(0, Math.min(most - this.#fleet.totals().undecided, missing));
    const count = this.#pacer.take(performance.now(), room);
    if (member === undefined || count === 0) return;
    member.opened += count;
    member.agent.send({ do: "open", count });
  }
}
