/**
 * Channel patterns: what the `match` of a token's claim means.
 *
 *     pattern = name | prefix "*"
 *
 * A pattern without a star matches the channel of that name. A star may only stand at the end, and matches
 * any rest of the name, also none, within the namespace: `room:*` matches `room:1` and `room:a:b`, `ne*`
 * matches `news` and not `net:1`, and `*` matches every channel without a namespace. Nothing else has a
 * meaning: no `..`, no `?`, no escape, no case. Invariant: no pattern matches a channel of another namespace
 * than its own.
 */
import { channelProblem, namespaceOf } from "@holdfast/protocol";

/** Why `pattern` is none, as the end of a sentence, or undefined when it is one. */
export function patternProblem(pattern: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star === -1) return channelProblem(pattern);
  if (star !== pattern.length - 1) return "has a `*` before its end";
  // Read as a name, so that namespace, characters and length are those that a name could have.
  return channelProblem(pattern);
}

/** Whether `pattern`, which has no problem, matches the channel name. */
export function matches(pattern: string, channel: string): boolean {
  if (!pattern.endsWith("*")) return pattern === channel;
  return channel.startsWith(pattern.slice(0, -1)) && namespaceOf(channel) === namespaceOf(pattern);
}
