/**
 * One agent's connections: opened when the coordinator says so, tried again when they fail, kept until the
 * end.
 *
 * Owns which seats have begun and what is reported of all of them; a seat's life is that of seats.ts.
 * Invariant: a seat begins once, and never beyond the connections that were ordered.
 */
import type { AgentOrders, AgentReport, Tally } from "../messages.js";
import { RunClock } from "../run-clock.js";
import { Attempts } from "./attempts.js";
import { ConnectionTable, OPEN } from "./connection-table.js";
import { Outcomes } from "./outcomes.js";
import { type SeatParts, Seats } from "./seats.js";

const SILENT = Object.freeze({ sent: 0, refused: 0, heard: 0, hearing: [], answering: [] });

export class Agent {
  readonly #connections: number;
  readonly #table: ConnectionTable;
  readonly #outcomes: Outcomes;
  readonly #attempts: Attempts;
  readonly #seats: Seats;
  readonly clock: RunClock;
  /** Whose turn of the churn it is. */
  #turn = 0;
  #next = 0;

  private constructor(connections: number, { table, outcomes, attempts, clock }: SeatParts, seats: Seats) {
    this.#connections = connections;
    this.#table = table;
    this.#outcomes = outcomes;
    this.#attempts = attempts;
    this.#seats = seats;
    this.clock = clock;
  }

  /** `now` is any clock in ms. Rejects on a Node.js whose sockets are not known. */
  static async create(orders: AgentOrders, now: () => number): Promise<Agent> {
    const table = new ConnectionTable(orders.connections);
    const attempts = new Attempts(table, now);
    const parts = { table, outcomes: new Outcomes(), attempts, clock: new RunClock() };
    return new Agent(orders.connections, parts, await Seats.create(orders, now, parts));
  }

  /** Whether something is under way that `tick` must look after. */
  get busy(): boolean {
    return this.#attempts.underWay || this.#seats.messageSender?.busy === true;
  }

  /** Begins that many more; fewer when fewer were ordered. */
  open(count: number): void {
    const end = Math.min(this.#connections, this.#next + count);
    while (this.#next < end) this.#seats.begin(this.#next++);
  }

  /** Closes the last `count` that were opened. */
  shrink(count: number): void {
    const first = Math.max(0, this.#next - count);
    for (let seat = first; seat < this.#next; seat++) {
      this.#seats.stop(seat);
      this.#attempts.forget(seat);
    }
    this.#next = first;
  }

  /** Ends the next `count` open connections and opens each again at once; fewer when there are fewer. */
  churn(count: number): void {
    for (let looked = 0, done = 0; done < count && looked < this.#next; looked++) {
      const seat = this.#turn % this.#next;
      this.#turn = seat + 1;
      if (this.#table.stateOf(seat) !== OPEN) continue;
      this.#seats.stop(seat);
      this.#attempts.anew(seat);
      this.#seats.begin(seat);
      done++;
    }
  }

  /** Ends the first `count` open connections at once; each comes back with the protocol's back-off. */
  storm(count: number): void {
    for (let seat = 0, done = 0; done < count && seat < this.#next; seat++) {
      if (this.#table.stateOf(seat) !== OPEN) continue;
      this.#seats.stop(seat);
      this.#attempts.later(seat);
      done++;
    }
  }

  /** Begins attempts that are due again, and ends those that take too long. */
  tick(): void {
    this.#seats.tick();
  }

  /** The next `count` open connections send a message each. */
  send(count: number): void {
    this.#seats.messageSender?.send(count);
  }

  expect(round: number): void {
    this.#table.expect(round);
  }

  tally(): Tally {
    return this.#table.tally();
  }

  report(): AgentReport {
    const cpu = process.cpuUsage();
    return {
      connected: this.#table.connected,
      over: this.#table.over,
      cpuMicros: cpu.user + cpu.system,
      memoryBytes: process.memoryUsage.rss(),
      ...this.#outcomes.report(),
      ...(this.#seats.messageSender?.report() ?? SILENT),
    };
  }

  /** Resets everything. */
  close(): void {
    this.#seats.close();
  }
}
