/**
 * The status of an instance on one screen: ready or why not, figures, workers, the last warnings.
 *
 * Owns words. The figures come with two overviews.
 */
import type { InstanceSurvey, Overview, ProcessWarning, RebalanceReport } from "@holdfast/gateway";
import { grouped, rateText, shareText, sizeText, spanText, timeText } from "../output/figures.js";
import { cutTo, plainText } from "../output/plain-text.js";
import { type TableOptions, table } from "../output/table.js";
import { CHANNEL_COLUMNS, SLOW_COLUMNS, WORKER_COLUMNS, workerRows } from "./columns.js";
import { INSTANCE_COLUMNS } from "./instance-columns.js";
import { connectionsOf, type OverviewRates } from "./rates.js";

export interface StatusFacts {
  readonly overview: Overview;
  readonly rates: OverviewRates | undefined;
  readonly warnings: readonly ProcessWarning[];
}

/** What `holdfast top --once` shows. */
export interface OnceFacts {
  readonly overview: Overview;
  readonly rates: OverviewRates | undefined;
  readonly survey: InstanceSurvey;
}

export function statusText({ overview, rates, warnings }: StatusFacts, options: TableOptions = {}): string {
  return paragraphsText(
    [
      ...firstParagraphs(overview, rates, undefined, options),
      warnings.length === 0 ? ["no warnings"] : ["last warnings (UTC)", ...warnings.map(warningText)],
    ],
    options,
  );
}

/** The same with the survey's busiest channels and slowest connections in place of the warnings. */
export function onceText({ overview, rates, survey }: OnceFacts, options: TableOptions = {}): string {
  const { busiest, slowest } = survey;
  const channels = table(CHANNEL_COLUMNS, busiest, options);
  const slow = table(SLOW_COLUMNS, slowest, options);
  return paragraphsText(
    [
      ...firstParagraphs(overview, rates, survey, options),
      busiest.length === 0 ? ["no publications"] : [channels.head, ...channels.lines],
      slowest.length === 0 ? ["no slow connections"] : [slow.head, ...slow.lines],
    ],
    options,
  );
}

function firstParagraphs(
  overview: Overview,
  rates: OverviewRates | undefined,
  survey: InstanceSurvey | undefined,
  options: TableOptions,
): string[][] {
  const { head, lines } = table(WORKER_COLUMNS, workerRows(overview, rates, survey), options);
  const changes = changesOf(overview);
  return [
    [titleOf(overview), readiness(overview), ...(changes === "" ? [] : [changes])],
    totalsOf(overview, rates, survey).map(([name, value]) => `${name.padEnd(13)}${value}`),
    overview.workers.length === 0 ? ["no workers"] : [head, ...lines],
    ...instanceParagraphs(overview, options),
  ];
}

/** What each instance carries and should carry; none where there is no cluster. */
function instanceParagraphs({ rebalance }: Overview, options: TableOptions): string[][] {
  if (rebalance === undefined || rebalance.instances.length === 0) return [];
  const { head, lines } = table(INSTANCE_COLUMNS, rebalance.instances, options);
  return [[head, ...lines]];
}

function paragraphsText(paragraphs: readonly (readonly string[])[], { width }: TableOptions): string {
  const cut = (line: string): string => (width === undefined ? line : cutTo(line, width));
  return paragraphs.map((each) => each.map((line) => cut(plainText(line))).join("\n")).join("\n\n");
}

/** `holdfast 1.2.3 on Node.js v22.1.0, up 3 h 2 min` */
export function titleOf({ version, node, at, startedAt }: Overview): string {
  return `holdfast ${version} on Node.js ${node}, up ${spanText(at - startedAt)}`;
}

/** `ready`, or why not. */
export function readiness({ ready, problems }: Overview): string {
  return ready ? "ready" : `not ready: ${problems.join(" ")}`;
}

/** Of a drain and a reload, where one is under way; empty otherwise. */
export function changesOf({ drain, reloadLeft }: Overview): string {
  const { state, left, total, deadline } = drain;
  return [
    ...(state === "serving"
      ? []
      : [`${state}: ${grouped(left)} of ${grouped(total)} left, none by ${deadline}`]),
    ...(reloadLeft === 0 ? [] : [`reload: ${reloadLeft} ${reloadLeft === 1 ? "worker" : "workers"} left`]),
  ].join("; ");
}

/** Figures of the whole instance, by name. */
export function totalsOf(
  overview: Overview,
  rates: OverviewRates | undefined,
  survey: InstanceSurvey | undefined,
): [name: string, value: string][] {
  const { maxConnections, pending, workers, rebalance } = overview;
  const total = rates?.total;
  const rss = workers.reduce((sum, each) => sum + (each.rssBytes ?? 0), 0);
  const loop = Math.max(0, ...workers.map(({ loopDelayMs }) => loopDelayMs));
  const open = `${grouped(connectionsOf(overview))} of ${grouped(maxConnections)}`;
  return [
    ["connections", `${open}, ${grouped(pending)} sockets at the door`],
    ["in", `${rateText(total?.commands)} commands/s, ${rateText(total?.opened)} connections/s`],
    ["out", `${rateText(total?.deliveries)} deliveries/s, ${sizeText(total?.deliveredBytes)}/s`],
    ["left out", `${rateText(total?.drops)} drops/s, ${rateText(total?.gaps)} gaps/s`],
    [
      "workers",
      `${workers.length}: ${sizeText(rss)} RSS, loop delay at most ${loop} ms, GC at most ${shareText(total?.gcShare)}`,
    ],
    ...(survey === undefined ? [] : [["outboxes", outboxesText(survey)] as [string, string]]),
    ...(rebalance === undefined ? [] : [["cluster", rebalanceText(rebalance)] as [string, string]]),
  ];
}

/** `20,000 clients at 2 instances, spread 15 % of the mean; rebalance idle, not now: …` */
export function rebalanceText({ total, spread, instances, phase, hold }: RebalanceReport): string {
  const where = `${grouped(total)} clients at ${instances.length} instances`;
  const why = hold === null ? "" : `, not now: ${hold}`;
  return `${where}, spread ${Math.round(spread * 100)} % of the mean; rebalance ${phase}${why}`;
}

function outboxesText({ outboxBytes, waiting }: InstanceSurvey): string {
  return `${sizeText(outboxBytes)} wait for ${grouped(waiting)} connections`;
}

function warningText({ at, process, level, message, times }: ProcessWarning): string {
  const where = process === "primary" ? process : `worker ${process}`;
  const often = times === 1 ? "" : ` (${grouped(times)} times)`;
  return `  ${timeText(at)}  ${level}  ${where}: ${message}${often}`;
}
