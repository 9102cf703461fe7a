/**
 * Batch traces: the spans of one batch, from its publications' arrival to their last local write.
 *
 * Exists only while a publication of the batch is traced. Invariant: at most `MAX_SPANS` spans; later
 * publications of the batch have none.
 */
import { beginSpan, type SpanFacts, type TraceSpan, type Tracing } from "../runtime/tracing.js";

/** Spans of one batch: a burst of traced publications costs no more. */
const MAX_SPANS = 64;

export class BatchTraces {
  readonly #spans: TraceSpan[] = [];
  #facts: SpanFacts | undefined;

  /** `channel` undefined: it is for a user, or for all connections. */
  begin(tracing: Tracing, parent: string, channel: string | undefined): void {
    if (this.#spans.length >= MAX_SPANS) return;
    const span = beginSpan(tracing, "deliver", parent, channel === undefined ? undefined : { channel });
    if (span !== undefined) this.#spans.push(span);
  }

  /** `receivers`: connections that the batch was written to, with so many bytes in all. */
  written(receivers: number, bytes: number): void {
    this.#facts = { receivers, bytes };
  }

  /** Called once, when all that was held of the writes has left. */
  end(): void {
    for (const span of this.#spans) span.end(this.#facts);
  }
}
