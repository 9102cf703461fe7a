/**
 * What is known of one client, as text: its connections, their subscriptions, and what went wrong for it.
 *
 * Owns words and columns. Invariant: every name that a client chose went through `plainText`.
 */
import type { ConnectionReport, Incident, SubscriptionReport } from "@holdfast/core";
import { grouped, shareText, sizeText, spanText, timeText } from "./figures.js";
import { cutTo, plainText } from "./plain-text.js";
import { type TableColumn, type TableOptions, table } from "./table.js";

const SUBSCRIPTIONS: readonly TableColumn<SubscriptionReport>[] = Object.freeze([
  { title: "CHANNEL", cuts: true, text: ({ channel }) => channel },
  { title: "OFFSET", align: "right", rank: 1, text: ({ position }) => String(position?.offset ?? "-") },
  { title: "SKIPPED", align: "right", text: ({ skipped }) => grouped(skipped) },
  { title: "IF SLOW", rank: 2, text: ({ slowPolicy }) => slowPolicy },
  { title: "PRESENCE", rank: 3, text: ({ hasPresence }) => (hasPresence ? "yes" : "no") },
]);

export const INCIDENT_COLUMNS: readonly TableColumn<Incident>[] = Object.freeze([
  { title: "LAST (UTC)", rank: 1, text: ({ at }) => timeText(at) },
  { title: "TIMES", rank: 2, align: "right", text: ({ times }) => grouped(times) },
  { title: "WHAT", text: ({ kind }) => kind },
  { title: "CODE", text: ({ code }) => code },
  { title: "CHANNEL", rank: 3, cuts: true, text: ({ channel }) => channel ?? "" },
  { title: "USER", rank: 3, cuts: true, text: ({ user }) => user ?? "" },
  { title: "SESSION", rank: 4, cuts: true, text: ({ session }) => session ?? "" },
  { title: "MESSAGE", rank: 5, cuts: true, text: ({ message }) => message ?? "" },
]);

/** Lines of one connection, its subscriptions below. */
export function connectionLines(report: ConnectionReport, options: TableOptions = {}): string[] {
  const { session, user, codec, resumable, silentMs, outbox, expiresAt, subscriptions } = report;
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["session", session],
    ["user", user ?? "anonymous"],
    ["codec", codec],
    ["resumable", resumable ? "yes" : "no"],
    ["last heard", `${spanText(silentMs)} ago`],
    ["outbox", outboxText(outbox)],
    ...(expiresAt === undefined ? [] : [["token until", `${timeText(expiresAt)} UTC`] as const]),
  ];
  const lines = facts.map(([name, value]) => plainText(`${name.padEnd(12)}${value}`));
  const { head, lines: rows } = table(SUBSCRIPTIONS, subscriptions, options);
  if (subscriptions.length === 0) lines.push("no subscriptions");
  else lines.push("", head, ...rows);
  if (report.moreSubscriptions > 0) lines.push(`and ${grouped(report.moreSubscriptions)} more`);
  return options.width === undefined ? lines : lines.map((line) => cutTo(line, options.width ?? 0));
}

/** A title and the table; nothing where there are none. */
export function incidentLines(incidents: readonly Incident[], options: TableOptions = {}): string[] {
  if (incidents.length === 0) return [];
  const { head, lines } = table(INCIDENT_COLUMNS, incidents, options);
  return ["what lately went wrong", head, ...lines];
}

function outboxText({ bytes, messages, ageMs, fill }: ConnectionReport["outbox"]): string {
  if (bytes === 0) return "empty";
  return `${sizeText(bytes)} in ${grouped(messages)} frames, ${shareText(fill)} full, oldest ${spanText(ageMs)}`;
}
