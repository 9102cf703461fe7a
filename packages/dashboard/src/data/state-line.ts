/**
 * The state line: what an operator must know of the instance now, in sentences, the gravest first.
 *
 * Pure. Each sentence says where to look next. Invariant: there is at least one sentence.
 */
import type { OverviewAnswer, WorkerAnswer } from "./answers.js";
import type { Leak } from "./leak.js";
import { type Rates, total } from "./rates.js";
import { countText, durationText, rateText } from "./texts.js";

export interface StateSentence {
  readonly gravity: "fault" | "note" | "ok";
  readonly text: string;
}

/** An instance so full is one to be told of. */
const NEARLY = 0.9;
/** A loop that is late by so much delays each message by it, ms. */
const LATE_MS = 200;
/** A broker so late delays each publication by about half of it, ms. */
const BEHIND_MS = 250;
/** A worker that has heard no canary for so many intervals hears nothing. */
const SILENT_INTERVALS = 3;
/** On top of that: what a canary may take, ms. */
const CANARY_MS = 1000;
const RANK = { fault: 0, note: 1, ok: 2 } as const;

export function stateSentences(overview: OverviewAnswer, rates: Rates, leak?: Leak): StateSentence[] {
  const found = [
    ...ofInstance(overview),
    ...ofWorkers(overview),
    ...ofBroker(overview),
    ...ofClients(overview, rates),
    ...ofLeak(leak),
    ...ofLately(overview),
  ];
  if (!found.some(({ gravity }) => gravity === "fault"))
    found.push({ gravity: "ok", text: "The instance is ready and serves its clients." });
  return found.sort((a, b) => RANK[a.gravity] - RANK[b.gravity]);
}

function* ofInstance(overview: OverviewAnswer): Iterable<StateSentence> {
  const { drain, maxConnections, pending, problems, reloadLeft, rebalance } = overview;
  for (const text of problems) yield { gravity: "fault", text: `Not ready: ${text}` };
  if (drain.state === "drained")
    yield {
      gravity: "fault",
      text: "The instance has drained: it takes no clients until it is started again.",
    };
  else if (drain.state !== "serving")
    yield {
      gravity: "fault",
      text: `A drain is under way (${drain.state}): ${countText(drain.left)} clients are left. See Drain.`,
    };
  const held = pending + total(overview, ({ sockets, connections }) => Math.max(sockets, connections));
  const full = `${countText(held)} of ${countText(maxConnections)} connections`;
  if (held >= maxConnections)
    yield { gravity: "fault", text: `The instance is full: ${full}. New clients are refused with 503.` };
  else if (held >= NEARLY * maxConnections)
    yield { gravity: "note", text: `The instance is nearly full: ${full}.` };
  if (rebalance?.phase === "shedding")
    yield { gravity: "note", text: "A rebalance is under way: clients are sent to other instances." };
  if (reloadLeft > 0)
    yield { gravity: "note", text: `A reload is under way: ${reloadLeft} workers are yet to be replaced.` };
}

function* ofWorkers({ workers, problems, drain }: OverviewAnswer): Iterable<StateSentence> {
  for (const { slot, state, broker, loopDelayMs } of workers) {
    if (state !== "ready" && drain.state === "serving")
      yield { gravity: "fault", text: `Worker ${slot} is ${state}. See Workers.` };
    if (broker !== undefined && broker !== "ready" && problems.length === 0)
      yield { gravity: "fault", text: `Worker ${slot} cannot reach the broker (${broker}). Look at Redis.` };
    if (loopDelayMs >= LATE_MS)
      yield {
        gravity: "note",
        text: `Worker ${slot} is late: its event loop lags ${countText(loopDelayMs)} ms.`,
      };
  }
}

function* ofBroker({ workers }: OverviewAnswer): Iterable<StateSentence> {
  const delayMs = Math.max(0, ...workers.map(({ brokerDelayMs = 0 }) => brokerDelayMs));
  const loopMs = Math.max(0, ...workers.map(({ loopDelayMs }) => loopDelayMs));
  // A worker that is late itself measures its own delay.
  if (delayMs >= BEHIND_MS && delayMs > 2 * loopMs)
    yield {
      gravity: "fault",
      text:
        `Redis is behind: its last answer took ${durationText(delayMs)}. Publications and subscriptions ` +
        "come late. Look at Redis and at the network to it.",
    };
  const deaf = workers.filter(isDeaf);
  if (deaf.length === 0) return;
  const silentMs = Math.min(...deaf.map(({ canary }) => canary?.silentMs ?? 0));
  const subject = deaf.length === workers.length ? "This instance" : `Worker ${deaf[0]?.slot}`;
  yield {
    gravity: "fault",
    text:
      `${subject} hears nothing: no canary of any instance has come for ${durationText(silentMs)}, while ` +
      "Redis answers. Its clients get no publications. Look at pub/sub between Redis and this instance.",
  };
}

function isDeaf({ canary }: WorkerAnswer): boolean {
  return canary !== undefined && canary.silentMs >= SILENT_INTERVALS * canary.intervalMs + CANARY_MS;
}

function* ofLeak(leak: Leak | undefined): Iterable<StateSentence> {
  if (leak === undefined) return;
  const { channels, more, seconds } = leak;
  yield {
    gravity: "note",
    text:
      `Channels leak: ${countText(channels)} are subscribed to, ${countText(more)} more than ` +
      `${durationText(seconds * 1000)} ago, and connections do not explain them. Clients subscribe and do ` +
      "not unsubscribe. See Channels for the sessions with most.",
  };
}

/** What went wrong for clients, also where it was over before the page was opened. */
function* ofLately({ incidents }: OverviewAnswer): Iterable<StateSentence> {
  const count = (...codes: readonly string[]): number =>
    incidents.reduce(
      (sum, { kind, code, entries }) => (kind !== "gap" && codes.includes(code) ? sum + entries : sum),
      0,
    );
  for (const [codes, textOf] of LATELY) {
    const entries = count(...codes);
    if (entries > 0) yield { gravity: "note", text: `${textOf(countText(entries))} See Events.` };
  }
}

const WHEN = "in the last five minutes";
const LATELY: readonly (readonly [codes: readonly string[], textOf: (count: string) => string])[] = [
  [
    ["token_expired", "expired"],
    (count) =>
      `Tokens have expired: it was the reason to refuse or disconnect clients ${count} times ${WHEN}. Their ` +
      "application must renew tokens in time.",
  ],
  [["bad_token"], (count) => `Tokens prove nothing: ${count} refusals ${WHEN}.`],
  [["unauthorized"], (count) => `Clients come without a token: ${count} refusals ${WHEN}.`],
  [["forbidden"], (count) => `Clients ask for what they may not: ${count} refusals (forbidden) ${WHEN}.`],
  [
    ["origin"],
    (count) => `Pages of origins that are not allowed were turned away: ${count} origins ${WHEN}.`,
  ],
  [
    ["limit_channels"],
    (count) => `Clients hold as many channels as they may: ${count} refusals ${WHEN}. They may leak them.`,
  ],
];

function* ofClients(overview: OverviewAnswer, rates: Rates): Iterable<StateSentence> {
  const behind = total(overview, ({ subscriptionsBehind }) => subscriptionsBehind);
  if (behind > 0)
    yield {
      gravity: "note",
      text: `Slow clients: ${countText(behind)} subscriptions are behind. See Connections.`,
    };
  const limited = rates.rate_limited ?? 0;
  if (limited > 0)
    yield {
      gravity: "note",
      text: `Clients are over their rate: ${rateText(limited)} commands are refused. See Events.`,
    };
  if ((rates.tokens_refused ?? 0) > 0)
    yield { gravity: "note", text: `Tokens are refused: ${rateText(rates.tokens_refused)}. See Events.` };
  if ((rates.gaps ?? 0) > 0)
    yield { gravity: "note", text: `Subscribers are told of gaps: ${rateText(rates.gaps)}. See Events.` };
}
