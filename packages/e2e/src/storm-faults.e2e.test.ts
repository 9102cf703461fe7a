/**
 * Rounds of faults against one instance that lives through all of them: storms of honest clients and slow
 * attackers while workers are killed, frozen and restarted.
 *
 * HOLDFAST_FAULT_ROUNDS says how many (`npm run faults`: 50), HOLDFAST_FAULT_SEED replays a run. A line for
 * each round and one for all of them are printed.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { describeRound, faultRound, type RoundResult, seconds } from "./fault-round.js";
import { GatewayProcess } from "./gateway-process.js";
import { openDescriptors } from "./open-descriptors.js";
import { Resources } from "./resources.js";
import { SeededRandom } from "./seeded-random.js";

jest.setTimeout(120_000);

const ROUNDS = Number(process.env.HOLDFAST_FAULT_ROUNDS ?? 6);
const SEED = Number(process.env.HOLDFAST_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
const WORKERS = 4;
const HEAD_TIMEOUT_MS = 2_000;
/**
 * A head may have had to wait for its turn to be read, at most as long again; and the machine is busy with
 * the storm.
 */
const A_LITTLE_MS = HEAD_TIMEOUT_MS + 4_000;
/** Of the admin port, for one: a scrape's connection may still be closing. */
const A_FEW = 4;
const RECOVERY_MS = 30_000;

const shared = new Resources();
const own = new Resources();
const results: RoundResult[] = [];
let gateway: GatewayProcess;
let descriptors: number;
const started = performance.now();

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

beforeAll(async () => {
  say(`faults: ${ROUNDS} rounds of seed ${SEED} (HOLDFAST_FAULT_SEED=${SEED} replays them)`);
  const args = [
    "--workers",
    String(WORKERS),
    "--head-timeout",
    `${HEAD_TIMEOUT_MS}ms`,
    "--drain-window",
    "0ms",
  ];
  gateway = shared.add(await GatewayProcess.start({ args }));
  descriptors = openDescriptors(gateway.banner.pid);
});
afterEach(() => own.close());
afterAll(async () => {
  const worst = Math.max(...results.map(({ recoveredMs }) => recoveredMs));
  const clients = results.reduce((sum, round) => sum + round.clients, 0);
  const attacks = results.reduce((sum, round) => sum + round.attacks, 0);
  say(
    `faults: ${results.length} of ${ROUNDS} rounds held; ${clients} clients, slowest recovery ${seconds(worst)}; ` +
      `${attacks} attacks; ${seconds(performance.now() - started)} in all`,
  );
  await shared.close();
});

describe("a storm while workers are killed, stopped and restarted, with 1,000 slow heads beside it", () => {
  test.each(Array.from({ length: ROUNDS }, (_, i) => i + 1))("round %i", async (round) => {
    const random = new SeededRandom(SEED + round);
    const result = await faultRound(gateway, random, own, {
      attackers: 1_000,
      attackerMs: HEAD_TIMEOUT_MS + A_LITTLE_MS,
      recoveryMs: RECOVERY_MS,
    });
    say(`round ${round}: ${describeRound(result)}`);
    expect(result.recoveredMs).toBeLessThanOrEqual(RECOVERY_MS);
    // Only what a worker had taken and not answered yet dies with it; what was queued for it goes to another.
    expect(result.setbacks.get("unanswered") ?? 0).toBeLessThanOrEqual(result.clients * 0.02);
    // 408, a reset, or 503 where there was no worker at all.
    for (const status of result.attackEnds.keys()) expect([408, 503, 0]).toContain(status);
    expect(result.longestAttackMs).toBeLessThanOrEqual(HEAD_TIMEOUT_MS + A_LITTLE_MS);
    // Against the first of all: what a round leaks adds up.
    expect(result.descriptors.after).toBeLessThanOrEqual(descriptors + A_FEW);
    expect(gateway.program.ending).toBeUndefined();
    expect(gateway.program.processes()).toContain(gateway.banner.pid);
    results.push(result);
  });
});
