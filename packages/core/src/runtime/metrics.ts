/**
 * The metrics seam: every number core reports, by name. The gateway exports them to Prometheus.
 *
 * Called per message or per batch, never per delivery.
 */

/**
 * Counts that only grow. The key is the name without `holdfast_` and `_total`; the value is its help text.
 */
export const COUNTERS = Object.freeze({
  commands: "Commands received from clients",
  commands_held: "Commands that came before their `connect` was answered, and were carried out after it",
  held_refused: "Of such commands, those refused because too many waited",
  command_errors: "Commands answered with an error",
  malformed_frames: "Messages that were not frames of the protocol",
  rate_limited: "Commands refused, and connections closed, by the per-connection rate limit",
  gc_skipped: "Collections on the timer that were left out, as too little garbage had gathered",
  gc_skipped_busy: "Collections on the timer that were left to V8, as the event loop stayed busy",
  unfinished_ended:
    "Connections closed and requests refused because a message or body did not come whole in time, or took too much room",
  publications: "Publications received from the broker that had a subscriber here",
  deliveries: "Frames written to subscribers",
  delivered_bytes: "Bytes written to subscribers",
  deflated: "Messages that were compressed, once for all subscribers with the same window",
  deflate_input_bytes: "Bytes of the messages that compression was tried on",
  deflate_output_bytes: "Bytes that compression made of these messages; plain ones where it made no fewer",
  inflated: "Compressed messages of clients that were decompressed",
  inflated_bytes: "Bytes that compressed messages of clients had once they were decompressed",
  cork_full:
    "Times that what was held for a connection, or for all of them, met its bound and left before the end of the turn",
  fanout_dropped: "Publications dropped because too much waited to be delivered",
  tokens_refused: "Tokens that proved nothing: forged, expired, revoked or not for this gateway",
  checks_refused: "Tokens that were not looked at, since too many waited for it",
  subscriptions_withdrawn: "Subscriptions taken away because a token ended or allowed less",
  sessions_detached: "Sessions kept for their resume window when their connection was lost",
  sessions_resumed: "Sessions that went on in a new connection",
  detached_evicted: "Detached sessions that ended early because there were too many",
  stream_holes: "Publications that pub/sub did not bring, seen by the next one's offset",
  position_checks: "Quiet channels whose position was compared with the broker's",
  gaps: "Times that publications of a subscribed channel could no longer be had",
  recovered: "Subscriptions that came back and missed nothing",
  unrecovered: "Subscriptions that came back and could not be proven complete",
  recovery_reads: "Reads of a channel's history for clients that came back",
  read_bytes:
    "Bytes of publications and members that were read, for clients and for the streams of this worker",
  reads_refused: "Reads of clients refused: too many waited, or the connection had used up its rate",
  publish_refused: "Publications of clients refused by the byte rate of their connection or namespace",
  publish_refused_bytes: "Bytes of the publications of clients that were refused by a byte rate",
  topics_skipped: "Times that a topic was continued after publications of it were left out for this worker",
  siblings_sent:
    "Payloads passed to another worker of the instance, which has the topic's publications from this one",
  siblings_skipped:
    "Payloads left out for another worker of the instance, because it took what was passed to it too slowly",
  siblings_moved: "Topics of this worker that were moved to another home in the instance",
  siblings_lost:
    "Topics of this worker whose home in the instance was lost; each is continued at another, and what may be missing is read or told",
  presence_lapses: "Times that this worker's lease of presence was over before it was renewed",
  presence_reaped: "Leases of presence that were ended because their worker was gone",
  presence_holes: "Times that pub/sub did not bring who joined or left, seen by the next one's number",
  presence_reads: "Times that a channel's members were read to follow them",
  slow_consumers: "Connections closed because their outbox was over its limit",
  publications_skipped: "Publications not sent to a slow subscriber, by its channel's policy",
  keepalive_pings: "Pings sent to silent connections",
  keepalive_timeouts: "Connections closed because nothing came after a ping",
  stale_connections: "Connections closed because no connect command came in time",
  refusals_delayed: "Refusals of connections said late, because refusals came fast",
  connections_opened: "Connections opened",
  connections_closed: "Connections closed",
  connections_shed: "Connections ended so that their clients go to other instances: see rebalance",
  webhooks_denied: "Questions that the application answered with no",
  webhooks_unanswered: "Questions that the application did not answer, or could not be asked",
  events: "Events passed on to backends",
  events_dropped: "Events for backends dropped because too many waited to be passed on",
  events_trimmed:
    "Events for backends that went from the stream early, as it took too much of Redis's memory",
  orders: "Orders heard on the topic `control`",
  orders_rejected: "Orders that were none, or one too many",
  connections_dismissed: "Connections ended by an order to disconnect",
  connections_revoked: "Connections ended because what they came with was revoked",
  revoked_refused: "Connects, refreshes and resumes refused because of a revocation",
  canaries_sent: "Canaries that this instance published, to measure delivery",
  canaries_failed: "Of these, those that the broker did not take",
  canaries_heard: "Canaries that workers heard, those of their own instance included",
  canaries_lost:
    "Canaries that a worker did not hear, although it heard eight later ones of the same instance",
  canaries_duplicate: "Canaries that a worker heard more than once, or after they had been counted as lost",
  canaries_reordered: "Canaries that a worker heard after a later one of the same instance",
  canaries_untracked: "Canaries that were not followed: more instances than are tracked, or none of ours",
  trace_contexts_dropped:
    "Trace contexts that were not carried on, since they were no W3C `traceparent` of version 00",
  publications_doubtful:
    "Publications without history that a demoted Redis acknowledged after it last said it was a master: they may have reached few or no clients",
  ingest_entries: "Entries of the ingest stream that this worker published",
  ingest_runs: "Runs of one channel that they were published in, each one step of Redis",
  ingest_rounds_full: "Rounds of the ingest stream that met their bound in entries or bytes",
  broker_rejected: "Payloads from Redis that could not be delivered: too large or with a malformed name",
} as const);

/** Durations in seconds. */
export const HISTOGRAMS = Object.freeze({
  canary_seconds:
    "From a canary's publication to a worker that heard it; between instances less the skew of their clocks",
  publish_seconds: "From a client's publish command to the broker's answer",
  webhook_seconds: "From a question to the application's answer, or to the end of the wait for it",
  subscribe_seconds: "From a client's subscribe command to the broker's answer",
  fanout_seconds: "From a publication's arrival to its last local write",
} as const);

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;

export interface Metrics {
  add(counter: CounterName, amount: number): void;
  observe(histogram: HistogramName, seconds: number): void;
}

/** Counts nothing. */
export const noMetrics: Metrics = Object.freeze({ add: () => {}, observe: () => {} });
