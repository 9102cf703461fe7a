/**
 * Polls that reach another worker, or another instance, than their session's, while the owner dies: no client
 * is told of an error or loses a number.
 */

import { ownerOf } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { allCaughtUp, CometCluster } from "./comet-cluster.js";
import { eventually } from "./deadline.js";
import { PollWatcher } from "./poll-watcher.js";
import { Resources } from "./resources.js";
import type { SteadyPublisher } from "./steady-publisher.js";

jest.setTimeout(60_000);

const own = new Resources();
let cluster: CometCluster;
let publisher: SteadyPublisher;

beforeEach(async () => {
  cluster = await CometCluster.start(own);
  publisher = own.add(cluster.publisher(["seq:a", "seq:b"], 50));
});
afterEach(() => own.close());

/** Sessions of the second instance, whose clients then go on at the first. */
async function strangers(count: number): Promise<PollWatcher[]> {
  const [here, there] = cluster.ports;
  const watchers = Array.from({ length: count }, (_, n) =>
    own.add(new PollWatcher(there, n % 2 === 0 ? "seq:a" : "seq:b")),
  );
  await Promise.all(watchers.map((watcher) => watcher.start()));
  for (const watcher of watchers) watcher.port = here;
  return watchers;
}

describe("polls of another instance's sessions", () => {
  test("are answered by that instance, for as long as the session lives", async () => {
    const watchers = await strangers(10);
    const owners = watchers.map(({ sid }) => sid?.slice(0, 4));
    await eventually("they get numbers", () => watchers.every(({ check }) => check.received > 20));
    await allCaughtUp(watchers, await publisher.finish());
    expect(watchers.map(({ sid }) => sid?.slice(0, 4))).toEqual(owners);
    expect(watchers.map(({ losses }) => losses)).toEqual(watchers.map(() => 0));
    const { forwarded = 0, here = 0 } = await cluster.routed();
    expect(forwarded).toBeGreaterThan(100);
    expect(here).toBe(0);
  });

  test("go on here when that instance is killed: no number is lost, and no client hears of it", async () => {
    const watchers = await strangers(10);
    await eventually("they get numbers", () => watchers.every(({ check }) => check.received > 20));
    const [, doomed] = cluster.gateways;
    const owners = watchers.map(({ sid }) => sid?.slice(0, 4));
    for (const pid of doomed.program.processes()) process.kill(pid, "SIGKILL");
    await doomed.program.gone();
    await eventually("their sessions have moved", () =>
      watchers.every(({ sid }, n) => sid?.slice(0, 4) !== owners[n]),
    );
    await allCaughtUp(watchers, await publisher.finish());
    expect(watchers.flatMap(({ check }) => check.gaps)).toEqual([]);
    expect(watchers.map(({ losses }) => losses)).toEqual(watchers.map(() => 0));
  });
});

describe("polls of another worker's sessions", () => {
  test("go on with the worker that has them when the owner is killed", async () => {
    const [port] = cluster.ports;
    const [gateway] = cluster.gateways;
    const watchers = Array.from({ length: 12 }, (_, n) =>
      own.add(new PollWatcher(port, n % 2 === 0 ? "seq:a" : "seq:b")),
    );
    await Promise.all(watchers.map((watcher) => watcher.start()));
    // Each keeps its first connection; what is killed is the owner of some and only the carrier of others.
    const slots = new Set(watchers.map(({ sid }) => ownerOf(sid ?? "")?.slot));
    expect(slots.size).toBe(2);
    await eventually("they get numbers", () => watchers.every(({ check }) => check.received > 20));
    const [pid] = gateway.workerPids();
    process.kill(pid ?? Number.NaN, "SIGKILL");
    await eventually("they get numbers again", () => watchers.every(({ check }) => check.received > 100));
    await allCaughtUp(watchers, await publisher.finish());
    expect(watchers.flatMap(({ check }) => check.gaps)).toEqual([]);
  });
});
