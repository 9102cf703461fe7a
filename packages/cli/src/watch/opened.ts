/**
 * One worker, channel, connection or instance, as `holdfast top` shows it when it is opened.
 *
 * Pure. Invariant: what is gone says so, and is never an error.
 */
import type { WorkerView } from "@holdfast/gateway";
import { connectionLines, incidentLines } from "../output/connection-text.js";
import { grouped, rateText, shareText, sizeText, spanText } from "../output/figures.js";
import { busyChannel, type TopDetails, type TopState, type TopSubject } from "./top-state.js";

export function openedLines(
  state: TopState,
  subject: TopSubject,
  details: TopDetails | undefined,
  width: number,
): string[] {
  switch (subject.kind) {
    case "worker":
      return workerLines(state, subject.pid);
    case "instance":
      return instanceLines(state, subject.instance);
    case "channel":
      return channelLines(state, subject.channel, details, width);
    case "connection":
      return sessionLines(subject.session, details, width);
  }
}

function workerLines({ overview, rates }: TopState, pid: number): string[] {
  const worker = overview?.workers.find((each) => each.pid === pid);
  if (worker === undefined) return [`The worker with process id ${pid} has ended.`];
  const known = rates?.workers.get(pid);
  const facts: [name: string, value: string][] = [
    ["process id", String(pid)],
    ["state", `${worker.state}, broker ${worker.broker ?? "-"}`],
    ["connections", `${grouped(worker.connections)}, ${grouped(worker.sockets)} sockets`],
    ["in", `${rateText(known?.commands)} commands/s, ${rateText(known?.publications)} publications/s`],
    ["out", `${rateText(known?.deliveries)} deliveries/s, ${sizeText(known?.deliveredBytes)}/s`],
    ["left out", `${rateText(known?.drops)} drops/s, ${rateText(known?.gaps)} gaps/s`],
    ["loop", `delay at most ${worker.loopDelayMs} ms, busy ${shareText(worker.utilization)}`],
    ["memory", memoryText(worker)],
    ["GC", `${shareText(known?.gcShare)} of the time`],
    ["topics", grouped(worker.topics ?? 0)],
    ["members", `${grouped(worker.members ?? 0)}, ${grouped(worker.detached ?? 0)} sessions detached`],
    ["behind", `${grouped(worker.subscriptionsBehind ?? 0)} subscriptions`],
    ["reads", `${grouped(worker.readsWaiting ?? 0)} wait`],
  ];
  return [`Worker ${worker.slot}`, "", ...facts.map(([name, value]) => `${name.padEnd(13)}${value}`)];
}

function instanceLines({ overview }: TopState, instance: string): string[] {
  const found = overview?.rebalance?.instances.find((each) => each.instance === instance);
  if (found === undefined) return [`The instance ${instance} has not said that it is there any more.`];
  const { state, connections, capacity, share, over, sheds, away, weight, ageMs } = found;
  const facts: [name: string, value: string][] = [
    ["state", `${state}, said ${spanText(ageMs)} ago`],
    ["connections", `${grouped(connections)} of ${grouped(capacity)}`],
    ["share", `${grouped(share)}, by its weight of ${weight}`],
    ["too many", over === 0 ? "none, or too few to send away" : grouped(over)],
    ["sheds", `${sheds ? "yes" : "no"}, ${grouped(away)} clients on their way to others`],
  ];
  return [`Instance ${instance}`, "", ...facts.map(([name, value]) => `${name.padEnd(13)}${value}`)];
}

function memoryText({ rssBytes, heapBytes, externalBytes }: WorkerView): string {
  return `${sizeText(rssBytes)} RSS, ${sizeText(heapBytes)} heap, ${sizeText(externalBytes)} external`;
}

function channelLines(
  state: TopState,
  channel: string,
  details: TopDetails | undefined,
  width: number,
): string[] {
  const title = `Channel ${channel}`;
  if (details?.kind !== "channel") return [title, "", "asking …"];
  return [
    title,
    "",
    `${"subscribers".padEnd(13)}${grouped(details.subscribers)}`,
    `${"publications".padEnd(13)}${rateText(busyChannel(state, channel)?.rate ?? 0)}/s`,
    "",
    ...incidentLines(details.incidents, { width }),
  ];
}

function sessionLines(session: string, details: TopDetails | undefined, width: number): string[] {
  const title = `Connection ${session}`;
  if (details?.kind !== "connection") return [title, "", "asking …"];
  const { connections, incidents } = details.answer;
  const reports = connections.flatMap((report) => [...connectionLines(report, { width }), ""]);
  const lines = reports.length === 0 ? ["It is not connected to this instance any more.", ""] : reports;
  return [title, "", ...lines, ...incidentLines(incidents, { width })];
}
