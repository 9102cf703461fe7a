import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { FakeAgent } from "../testing/fake-agent.js";
import { Crew } from "./crew.js";
import type { CommonOrders, RunMachine } from "./machines.js";

const COMMON: CommonOrders = {
  run: "abc",
  channels: "news",
  tokens: { kind: "none" },
  transport: "websocket",
  reopen: false,
  sending: false,
};
const TARGET = { host: "10.0.0.1", ports: [80], path: "/ws" };

let agents: FakeAgent[];
let gone: Set<string>;
let warnings: string[];
let crew: Crew;

function machine(address: string): RunMachine {
  const limits = { openFiles: 20_000, portRange: [1_025, 65_535] as const };
  return { address, limits, cores: 1, open: FakeAgent.opener(address, agents) };
}

function make(redistribute: boolean, addresses = ["a", "b", "c"]): void {
  const machines = addresses.map(machine);
  crew = new Crew({
    target: TARGET,
    common: COMMON,
    agents: "auto",
    redistribute,
    machines: () => machines.filter(({ address }) => !gone.has(address ?? "")),
    warn: (line) => warnings.push(line),
    signal: new AbortController().signal,
  });
}

/** Time goes by, and what it brings is done. */
async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
}

async function open(connections: number): Promise<void> {
  await crew.start(connections);
  crew.opener.start(1_000);
  await crew.resize(connections);
  await pass(5_000);
  expect(crew.fleet.totals()).toMatchObject({ connected: connections, undecided: 0 });
}

/** The numbers that agents have that live, each once. */
function numbers(): number[] {
  return crew.fleet.working
    .flatMap(({ agent: { orders } }) =>
      Array.from({ length: orders.connections }, (_, index) => orders.first + index),
    )
    .sort((a, b) => a - b);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["queueMicrotask", "nextTick"] });
  agents = [];
  warnings = [];
  gone = new Set();
});
afterEach(async () => {
  await crew.end(true);
  jest.useRealTimers();
});

describe("an agent that dies", () => {
  test("is reported, and its connections are lost", async () => {
    make(false);
    await open(300);
    agents[0]?.die("SIGKILL");
    expect(crew.fleet.totals()).toMatchObject({ connected: 200, lost: 100, moved: 0 });
    expect(crew.deaths).toEqual(["an agent of a ended (SIGKILL): it had 100 connections"]);
    expect(warnings).toEqual(crew.deaths);
  });

  test("leaves its numbers to the other machines, where that is asked for", async () => {
    make(true);
    await open(300);
    gone.add("a");
    agents[0]?.die("nothing came for 15 s");
    await pass(5_000);
    expect(crew.fleet.totals()).toMatchObject({ connected: 300, lost: 0, moved: 100, undecided: 0 });
    expect(numbers()).toEqual(upTo(300));
    expect(agents.slice(3).map(({ host, connected }) => [host, connected])).toEqual([
      ["b", 50],
      ["c", 50],
    ]);
    expect(crew.deaths).toEqual([expect.stringContaining("others opened them in its place")]);
  });

  test("two at once leave theirs in turn", async () => {
    make(true);
    await open(300);
    agents[0]?.die("SIGKILL");
    agents[1]?.die("SIGKILL");
    await pass(5_000);
    expect(crew.fleet.totals()).toMatchObject({ connected: 300, lost: 0, moved: 200 });
    expect(numbers()).toEqual(upTo(300));
  });

  test("with no machine left its connections are lost, and that is said", async () => {
    make(true, ["a"]);
    await open(50);
    gone.add("a");
    agents[0]?.die("SIGKILL");
    await pass(1_000);
    expect(crew.fleet.totals()).toMatchObject({ connected: 0, lost: 50, moved: 0 });
    expect(crew.deaths).toEqual([expect.stringContaining("no machine is left to connect from")]);
  });
});

describe("an order", () => {
  test("for more connections adds agents, for fewer closes some", async () => {
    make(false);
    await open(300);
    await crew.resize(360);
    await pass(2_000);
    expect(crew.fleet.totals()).toMatchObject({ connected: 360, undecided: 0 });
    expect(numbers()).toEqual(upTo(360));
    await crew.resize(90);
    expect(crew.opener.wanted).toBe(90);
    // Settled is what agents have reported, not what they have been told.
    let settled = false;
    const end = crew.opener.settled(new AbortController().signal).then(() => (settled = true));
    await pass(0);
    expect([settled, crew.fleet.totals().connected]).toEqual([false, 360]);
    await pass(500);
    await end;
    expect(crew.fleet.totals().connected).toBe(90);
    await crew.resize(360);
    await pass(2_000);
    expect(crew.fleet.totals().connected).toBe(360);
    expect(agents).toHaveLength(6);
  });

  test("for another target ends all agents, and starts as many connections there", async () => {
    make(false);
    await open(300);
    await crew.retarget({ host: "10.0.0.2", ports: [8080], path: "/ws" });
    await pass(2_000);
    expect(crew.fleet.totals()).toMatchObject({ connected: 300, lost: 0 });
    expect(agents.slice(3).map(({ orders }) => orders?.host)).toEqual(Array(3).fill("10.0.0.2"));
    expect(crew.deaths).toEqual([]);
  });

  test("is refused at the end", async () => {
    make(false);
    await open(30);
    await crew.end(false);
    await expect(crew.resize(10)).rejects.toThrow("the run is ending");
  });
});
