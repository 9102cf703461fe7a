import { describe, expect, test } from "@jest/globals";
import { RESTLESS } from "./faults.js";
import { Lives } from "./lives.js";
import { PRESENCE_FLAWS } from "./sim-presence.js";
import type { Flaw } from "./sim-server.js";
import { type SimulationOptions, simulate } from "./simulation.js";

/** `npm run sim` runs thousands. */
const SEEDS = 200;
const AT_ONCE = 50;
/** In which a broken promise has to be noticed. */
const SEEDS_TO_NOTICE = 60;
/** What needs clients that watch, or that do not come back. */
const SHOWS_ANYWHERE: readonly string[] = ["no-reaping", "wrong-news"];

describe("a cluster under faults", () => {
  test.each(Array.from({ length: SEEDS / AT_ONCE }, (_, i) => [i * AT_ONCE + 1, (i + 1) * AT_ONCE] as const))(
    "keeps its promise: nothing lost, twice or out of order, or the client is told; seeds %i to %i",
    async (from, to) => {
      for (let seed = from; seed <= to; seed++) {
        const { violations } = await simulate({ seed });
        // On failure: npm run sim -- --seed N --trace
        expect({ seed, violations }).toEqual({ seed, violations: [] });
      }
    },
    240_000,
  );

  test("has the same history whenever its seed is run", async () => {
    const [first, again, other] = [
      await simulate({ seed: 7, trace: true }),
      await simulate({ seed: 7, trace: true }),
      await simulate({ seed: 8, trace: true }),
    ];
    expect(again).toEqual(first);
    expect(other.trace).not.toEqual(first.trace);
    expect(first.delivered).toBeGreaterThan(0);
  });

  test("keeps the promise of presence where clients move all the time: no ghosts, and no session is missing", async () => {
    for (let seed = 1; seed <= AT_ONCE; seed++) {
      const { violations } = await simulate({ seed, climate: RESTLESS });
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  }, 240_000);

  test.each<Flaw>(["same-epoch", "false-lineage", "hole", "holey-page", "no-keys"])(
    "is noticed to break its promise if its broker does: %s",
    (flaw) => notice({ flaw }),
    240_000,
  );

  test.each(PRESENCE_FLAWS)(
    "is noticed to break its promise if its presence store does: %s",
    (flaw) => notice(SHOWS_ANYWHERE.includes(flaw) ? { flaw } : { flaw, climate: RESTLESS }),
    240_000,
  );
});

async function notice(options: Omit<SimulationOptions, "seed">): Promise<void> {
  for (let seed = 1; seed <= SEEDS_TO_NOTICE; seed++) {
    const { violations } = await simulate({ seed, ...options });
    if (violations.length > 0) return;
  }
  throw new Error(`nothing was noticed in ${SEEDS_TO_NOTICE} seeds`);
}

test("lives tell what two epochs share", () => {
  const lives = new Lives();
  lives.begin("a", undefined);
  for (let offset = 1; offset <= 5; offset++) lives.append("a", offset, `a${offset}`);
  lives.begin("b", { offset: 3, epoch: "a" });
  lives.append("b", 4, "b4");
  lives.begin("c", { offset: 4, epoch: "b" });
  lives.append("c", 5, "c5");
  const data = [3, 4, 5, 6].map((offset) => lives.node({ offset, epoch: "c" })?.data);
  expect(data).toEqual(["a3", "b4", "c5", undefined]);
  expect(lives.shares({ offset: 3, epoch: "a" }, "c")).toBe(true);
  expect(lives.shares({ offset: 4, epoch: "a" }, "c")).toBe(false);
  expect(lives.shares({ offset: 4, epoch: "b" }, "c")).toBe(true);
  expect(lives.shares({ offset: 1, epoch: "c" }, "a")).toBe(false);
});
