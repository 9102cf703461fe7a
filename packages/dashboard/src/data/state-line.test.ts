import { expect, it } from "@jest/globals";
import { overview, worker } from "../testing/overviews.js";
import { stateSentences } from "./state-line.js";

const texts = (...args: Parameters<typeof stateSentences>): string =>
  stateSentences(...args)
    .map(({ gravity, text }) => `${gravity}: ${text}`)
    .join("\n");

it("an instance that is well says so in one sentence", () => {
  expect(texts(overview(), {})).toBe("ok: The instance is ready and serves its clients.");
});

const canary = (silentMs: number) => ({ instances: 1, intervalMs: 1000, silentMs });
const lately = (...codes: readonly string[]) =>
  overview({ incidents: codes.map((code) => ({ kind: "refused", code, at: 1, times: 9, entries: 2 })) });
const draining = { state: "draining", left: 3, total: 9, startedAt: null, deadline: null } as const;
const shedding = {
  automatic: true,
  phase: "shedding",
  hold: null,
  total: 9,
  spread: 1,
  instances: [],
} as const;

it.each([
  ["is not ready", overview({ problems: ["The broker is away."] }), {}, /^fault: Not ready: The broker/],
  ["drains", overview({ drain: draining }), {}, /^fault: A drain is under way \(draining\): 3 clients/],
  ["is full", overview({ maxConnections: 2 }), {}, /^fault: The instance is full: 2 of 2/],
  [
    "is nearly full",
    overview({ maxConnections: 2, workers: [worker({ sockets: 0, connections: 0 })], pending: 1.9 }),
    {},
    /nearly full/,
  ],
  ["sheds", overview({ rebalance: shedding }), {}, /^note: A rebalance is under way: clients are sent/],
  ["reloads", overview({ reloadLeft: 1 }), {}, /A reload is under way: 1/],
  [
    "has a worker that starts",
    overview({ workers: [worker({ state: "starting" })] }),
    {},
    /^fault: Worker 0 is starting/,
  ],
  [
    "has a worker without broker",
    overview({ workers: [worker({ broker: "down" })] }),
    {},
    /cannot reach the broker \(down\)/,
  ],
  ["has a worker that is late", overview({ workers: [worker({ loopDelayMs: 250 })] }), {}, /lags 250 ms/],
  ["has slow clients", overview({ workers: [worker({ subscriptionsBehind: 2 })] }), {}, /Slow clients: 2/],
  ["has clients over their rate", overview(), { rate_limited: 5 }, /over their rate: 5.0\/s/],
  ["refuses tokens", overview(), { tokens_refused: 1 }, /Tokens are refused/],
  ["has gaps", overview(), { gaps: 1 }, /told of gaps/],
  [
    "has a Redis that is behind",
    overview({ workers: [worker({ brokerDelayMs: 1200 })] }),
    {},
    /^fault: Redis is behind: its last answer took 1 s\./,
  ],
  [
    "hears nothing",
    overview({ workers: [worker({ canary: canary(12_000) })] }),
    {},
    /^fault: This instance hears nothing: no canary of any instance has come for 12 s/,
  ],
  [
    "has a worker that hears nothing",
    overview({ workers: [worker({ canary: canary(10) }), worker({ slot: 1, canary: canary(12_000) })] }),
    {},
    /^fault: Worker 1 hears nothing/,
  ],
  [
    "has clients with expired tokens",
    lately("token_expired", "expired"),
    {},
    /Tokens have expired: .* 4 times/,
  ],
  ["denies clients what they ask for", lately("forbidden"), {}, /what they may not: 2 refusals/],
  ["turns pages away", lately("origin"), {}, /2 origins in the last five minutes/],
  ["has clients with too many channels", lately("limit_channels"), {}, /as many channels as they may/],
])("an instance that %s says so", (_what, of, rates, expected) => {
  expect(texts(of, rates)).toMatch(expected);
});

it.each([
  ["a late answer that its own loop explains", worker({ brokerDelayMs: 300, loopDelayMs: 180 })],
  ["a canary that is due", worker({ canary: canary(2_000) })],
])("%s is no fault", (_what, of) => {
  expect(texts(overview({ workers: [of] }), {})).toBe("ok: The instance is ready and serves its clients.");
});

it("a gap is no expired token", () => {
  const incidents = [{ kind: "gap", code: "expired", at: 1, times: 1, entries: 1 }];
  expect(texts(overview({ incidents }), {})).not.toMatch(/Tokens/);
});

it("a leak is told with its figures", () => {
  expect(texts(overview(), {}, { channels: 1240, more: 300, seconds: 61 })).toMatch(
    /^note: Channels leak: 1,240 are subscribed to, 300 more than 1 min ago/,
  );
});

it("the gravest comes first", () => {
  const both = overview({ maxConnections: 2, workers: [worker({ loopDelayMs: 300 })] });
  expect(stateSentences(both, { gaps: 1 }).map(({ gravity }) => gravity)).toEqual(["fault", "note", "note"]);
  expect(texts(overview(), { gaps: 1 })).toMatch(/^note: .*\nok: The instance is ready/);
});
