/**
 * Scrapes: those that come while one is under way share the next one.
 */
import { FakeClock } from "@holdfast/core/testing";
import { expect, test } from "@jest/globals";
import { Scrape } from "./scrape.js";

function counted() {
  let begun = 0;
  const finish: (() => void)[] = [];
  const scrape = new Scrape(
    {
      workers: () => [],
      isPlaced: () => true,
      own: () => {
        const value = ++begun;
        const values = [{ value, labels: {} }];
        const snapshot = [{ name: "nth", help: "x", type: "gauge", aggregator: "sum", values }];
        return new Promise((resolve) => finish.push(() => resolve(snapshot)));
      },
    },
    new FakeClock(),
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { scrape, finish, turn, begun: () => begun };
}

test("a hundred that come at once are two, and those that come later see later numbers", async () => {
  const { scrape, finish, turn, begun } = counted();
  const texts = Array.from({ length: 100 }, () => scrape.text());
  await turn();
  expect(begun()).toBe(1);
  finish[0]?.();
  await turn();
  expect(begun()).toBe(2);
  finish[1]?.();
  const heard = await Promise.all(texts);
  expect(heard[0]).toContain("nth 1\n");
  for (const text of heard.slice(1)) expect(text).toContain("nth 2\n");
  const later = scrape.text();
  await turn();
  finish[2]?.();
  expect(await later).toContain("nth 3\n");
  expect(begun()).toBe(3);
});

test("one that fails does not hold the next one up", async () => {
  let fails = true;
  const scrape = new Scrape(
    {
      workers: () => [],
      isPlaced: () => true,
      own: () => (fails ? Promise.reject(new Error("no")) : Promise.resolve([])),
    },
    new FakeClock(),
  );
  const [first, second] = [scrape.text(), scrape.text()];
  await expect(first.finally(() => (fails = false))).rejects.toThrow("no");
  await expect(second).resolves.toEqual(expect.any(String));
});
