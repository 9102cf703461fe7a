/**
 * Stream delivery: what the log has brought, on its way to the listeners of a topic.
 *
 * Leaves to the stream what is missing, and to fan-out when it is written. Invariant: the gap comes before
 * the entries; the first push in a new epoch names it.
 */
import { channelOf, type Topic } from "../broker/topic.js";
import type { Audience, FanOut } from "../delivery/fan-out.js";
import { gapPush, publicationPush } from "../delivery/push.js";
import type { Incidents } from "../runtime/incidents.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Stream, StreamProgress } from "./stream.js";

export interface StreamDeliveryParts {
  readonly fanOut: FanOut;
  readonly metrics: Metrics;
  readonly incidents: Incidents;
  readonly logger: Logger;
}

/** Delivers what a page has brought. Bounded by the page: it is not dropped where fan-out is full. */
export function deliverProgress(
  { fanOut, incidents, metrics, logger }: StreamDeliveryParts,
  audience: Audience & { readonly topic: Topic },
  { epochs }: Stream,
  { gap, entries }: StreamProgress,
): void {
  const epoch = epochs.current ?? "";
  const channel = channelOf(audience.topic) ?? "";
  if (gap !== undefined) {
    const { after, ...notice } = gap;
    metrics.add("gaps", 1);
    incidents.note({ kind: "gap", code: gap.reason, channel });
    logger.warn({ topic: audience.topic, ...notice }, "publications could not be recovered");
    const span = { from: after, to: { offset: gap.to, epoch } };
    fanOut.addAlways(audience, gapPush({ channel, ...notice, epoch }), span);
    epochs.told();
  }
  for (const { offset, data } of entries) {
    const push = publicationPush(channel, data, offset, epochs.due);
    fanOut.addAlways(audience, push, {
      from: { offset: offset - 1, epoch },
      to: { offset, epoch },
    });
    epochs.told();
  }
}
