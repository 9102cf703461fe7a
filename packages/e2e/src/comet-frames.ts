/**
 * What a plain client of one channel makes of the frames that it gets by an event stream or by polls: numbers
 * to check, gaps that it is told of, its session id.
 */
import type { SequenceCheck } from "./watcher.js";

interface Subscribed {
  readonly recovered?: boolean;
  readonly reason?: string;
}

/** As much of a push as matters here. */
export interface CometFrame {
  readonly connect?: { readonly sid: string; readonly subs?: Readonly<Record<string, Subscribed>> };
  readonly publication?: { readonly channel: string; readonly data: unknown };
  readonly gap?: { readonly channel: string; readonly reason: string };
  readonly unsubscribed?: { readonly channel: string; readonly code: number };
}

/** Returns the session's id when the frame says it. */
export function takeFrame(frame: CometFrame, check: SequenceCheck): string | undefined {
  const { connect, publication, gap, unsubscribed } = frame;
  if (publication?.channel === check.channel) check.number(publication.data as number);
  else if (gap?.channel === check.channel) check.gap(gap.reason);
  else if (unsubscribed?.channel === check.channel) check.gap(`unsubscribed with ${unsubscribed.code}`);
  const sub = connect?.subs?.[check.channel];
  if (sub?.recovered === false) check.gap(sub.reason ?? "unrecovered");
  return connect?.sid;
}
