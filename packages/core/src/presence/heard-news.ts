/**
 * Heard news: what a channel's presence topic brings, read and checked.
 *
 * Only our own stores publish there, but any program can. Invariant: text that is no news becomes undefined,
 * never an exception; a member is kept to the letter.
 */
import { elementTexts, memberText, oneLine } from "@holdfast/protocol";
import type { HeardNews, HeardStep, PresenceNews } from "./store.js";

/** Undefined for text that is no news. */
export function newsOf(text: string): HeardNews | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { steps, ...counts } = value as Partial<PresenceNews>;
  const { sequence, version, users, sessions } = counts;
  if (![sequence, version, users, sessions].every((each) => Number.isSafeInteger(each))) return undefined;
  if (steps === undefined) return counts as HeardNews;
  if (!Array.isArray(steps) || !steps.every(isStep)) return undefined;
  const texts = elementTexts(memberText(text, "steps") ?? "[]");
  const heard = steps.map(([came, told, { session }], at): HeardStep => {
    // One line, as it is put into frames; to the letter, since a member's `info` may have any number.
    const member = oneLine(elementTexts(texts[at] ?? "[]")[2] ?? "{}");
    return [came, told, { session: String(session), text: member }];
  });
  return { ...(counts as HeardNews), steps: heard };
}

function isStep(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[2] === "object" &&
    value[2] !== null &&
    typeof (value[2] as { session?: unknown }).session === "string"
  );
}
