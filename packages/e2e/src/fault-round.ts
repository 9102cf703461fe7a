/**
 * One round of faults: a reconnect storm of honest clients, attackers beside it, and workers that die or
 * freeze meanwhile.
 *
 * Throws when something that must come does not come; what is a matter of degree is in the result, for the
 * test to judge. Invariant: the round begins and ends with an instance that is ready and has no connection.
 */
import { eventually, within } from "./deadline.js";
import type { GatewayProcess } from "./gateway-process.js";
import { HonestClient, type Setback } from "./honest-client.js";
import { metric } from "./metrics-text.js";
import { openDescriptors } from "./open-descriptors.js";
import type { Resources } from "./resources.js";
import type { SeededRandom } from "./seeded-random.js";
import { SlowHeads } from "./slow-heads.js";
import { describeFault, injectFaults, planFaults, type WorkerFault } from "./worker-faults.js";

export interface RoundOptions {
  readonly attackers: number;
  /** How long the gateway may keep an attacker, ms. */
  readonly attackerMs: number;
  /** After the last fault, how long until every honest client is connected, ms. */
  readonly recoveryMs: number;
}

export interface RoundResult {
  readonly clients: number;
  readonly faults: readonly WorkerFault[];
  /**
   * From the last fault until every honest client was connected at the same time, ms; 0 when they already
   * were.
   */
  readonly recoveredMs: number;
  /** What kept honest clients from being connected, and how often. */
  readonly setbacks: ReadonlyMap<Setback, number>;
  readonly attacks: number;
  readonly attackEnds: ReadonlyMap<number, number>;
  readonly longestAttackMs: number;
  readonly descriptors: { readonly before: number; readonly after: number };
  readonly totalMs: number;
}

const MIN_CLIENTS = 500;
const MAX_CLIENTS = 2_000;
const FAULTS = Object.freeze({ most: 6, withinMs: 3_000, stoppedMs: 1_800 });
/** The supervisor waits up to 10 s before it starts a worker that has ended again and again. */
const READY_MS = 30_000;
/** How long one broadcast may take to reach thousands. */
const HEARING_MS = 5_000;

export async function faultRound(
  gateway: GatewayProcess,
  random: SeededRandom,
  own: Resources,
  options: RoundOptions,
): Promise<RoundResult> {
  const started = performance.now();
  const primary = gateway.banner.pid;
  const before = openDescriptors(primary);
  const faults = planFaults(random, FAULTS);
  const count = random.between(MIN_CLIENTS, MAX_CLIENTS);

  const attackers = own.add(await SlowHeads.start(gateway.port, options.attackers));
  const crowd = own.add(new Crowd(gateway, count, random));
  await injectFaults(gateway, faults);
  const recoveredMs = await crowd.connected(options.recoveryMs);
  await attackers.stop(options.attackerMs);
  await gateway.ready(READY_MS);
  await crowd.hears(gateway, options.recoveryMs);

  crowd.close();
  await eventually("nothing is left of the clients", async () => {
    const { text } = await gateway.adminGet("/metrics");
    return metric(text, "holdfast_connections") === 0 && metric(text, "holdfast_sockets_pending") === 0;
  });
  const after = await settled(primary, before);
  return {
    clients: count,
    faults,
    recoveredMs,
    setbacks: crowd.setbacks,
    attacks: attackers.attacks,
    attackEnds: attackers.ended,
    longestAttackMs: attackers.longestMs,
    descriptors: { before, after },
    totalMs: performance.now() - started,
  };
}

/** One line. */
export function describeRound(result: RoundResult): string {
  const { clients, faults, recoveredMs, setbacks, attacks, attackEnds, descriptors, totalMs } = result;
  const counts = (ends: ReadonlyMap<number | string, number>): string =>
    [...ends].map(([end, count]) => `${end === 0 ? "reset" : end} × ${count}`).join(", ") || "none";
  return [
    `${clients} clients connected ${seconds(recoveredMs)} after the last fault (setbacks: ${counts(setbacks)})`,
    `${attacks} attacks ended by ${counts(attackEnds)}, the longest after ${seconds(result.longestAttackMs)}`,
    `descriptors ${descriptors.before} → ${descriptors.after}`,
    `faults: ${faults.map(describeFault).join(", ")}`,
    `${seconds(totalMs)} in all`,
  ].join("; ");
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The honest clients of a round, who count themselves. */
class Crowd {
  readonly #clients: readonly HonestClient[];
  #whenChanged: () => void = () => {};

  constructor(gateway: GatewayProcess, count: number, random: SeededRandom) {
    const url = (sid: string | undefined): string =>
      gateway.ws(`channels=all${sid === undefined ? "" : `&sid=${sid}`}`);
    this.#clients = Array.from(
      { length: count },
      () => new HonestClient(url, random, () => this.#whenChanged()),
    );
  }

  get setbacks(): ReadonlyMap<Setback, number> {
    const counts = new Map<Setback, number>();
    for (const setback of this.#clients.flatMap(({ setbacks }) => setbacks)) {
      counts.set(setback, (counts.get(setback) ?? 0) + 1);
    }
    return counts;
  }

  /** How long it took from now until all are connected, ms. */
  async connected(ms: number): Promise<number> {
    const since = performance.now();
    const away = (): number => this.#clients.filter(({ state }) => state !== "connected").length;
    let scheduled = false;
    await within(
      new Promise<void>((resolve) => {
        const look = (): void => {
          scheduled = false;
          if (away() === 0) resolve();
        };
        this.#whenChanged = () => {
          // Counted once for all that changes in a turn.
          if (!scheduled) setImmediate(look);
          scheduled = true;
        };
        this.#whenChanged();
      }),
      () => `${away()} of ${this.#clients.length} honest clients are away`,
      ms,
    );
    return performance.now() - since;
  }

  /**
   * Resolves when a broadcast has reached all of them; clients that lost a connection meanwhile may come back
   * for it.
   */
  async hears(gateway: GatewayProcess, ms: number): Promise<void> {
    const heard = (): boolean =>
      this.#clients.every(({ lastMessage }) => lastMessage.includes("everybody there?"));
    await eventually(
      "a broadcast reaches every honest client",
      async () => {
        await gateway.broadcast("everybody there?");
        await eventually("they all have heard it", heard, HEARING_MS);
        return true;
      },
      ms,
    );
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** The number of descriptors once it has come back to what it was, or after patience has ended. */
async function settled(pid: number, before: number): Promise<number> {
  await eventually("descriptors are closed", () => openDescriptors(pid) <= before).catch(() => {});
  return openDescriptors(pid);
}
