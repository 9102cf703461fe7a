/**
 * Clients of the SDK in several processes: one event loop is no limit of what is tested.
 *
 * Invariant: a client stays in its process, and accounts come in the same order each time.
 */
import type { ClientAccount, ClientGroupAnswers, LastNumbers, Place } from "./client-group.js";
import { HelperProcess } from "./helper-process.js";

/** With its sockets, its timers and its share of a CPU. */
const CLIENTS_PER_PROCESS = 750;
/** Handshakes on their way at once, over all processes. */
const IN_FLIGHT = 40;

export class ClientGroups {
  readonly #groups: readonly HelperProcess<ClientGroupAnswers>[];
  #joined = 0;

  /** For as many clients at most. */
  constructor(most: number) {
    const groups = Math.ceil(most / CLIENTS_PER_PROCESS);
    this.#groups = Array.from(
      { length: groups },
      () => new HelperProcess<ClientGroupAnswers>("client-group"),
    );
  }

  get size(): number {
    return this.#joined;
  }

  /** Opens clients, each at the place of its number. Resolves when all are subscribed. */
  async join(count: number, place: (n: number) => Place): Promise<void> {
    const places = Array.from({ length: count }, (_, n) => place(this.#joined + n));
    this.#joined += count;
    const inFlight = Math.ceil(IN_FLIGHT / this.#groups.length);
    await this.#each((group, n) => {
      const own = places.filter((_, at) => at % this.#groups.length === n);
      return group.ask("gather", { places: own, inFlight });
    });
  }

  async areAllConnected(): Promise<boolean> {
    const connected = await this.#each((group) => group.ask("connected", undefined));
    return sum(connected) === this.#joined;
  }

  /** How many have not heard the last number of their channel. */
  async behind(last: LastNumbers): Promise<number> {
    return sum(await this.#each((group) => group.ask("behind", last)));
  }

  async accounts(): Promise<readonly ClientAccount[]> {
    return (await this.#each((group) => group.ask("accounts", undefined))).flat();
  }

  async close(): Promise<void> {
    await this.#each((group) => group.close());
  }

  #each<T>(work: (group: HelperProcess<ClientGroupAnswers>, n: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#groups.map(work));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
