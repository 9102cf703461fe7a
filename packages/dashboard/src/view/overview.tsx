/**
 * The page Overview: the instance in figures, and its last hour.
 */
import type { JSX } from "preact";
import type { Sample } from "../api/overview-watch.js";
import type { LatenciesAnswer } from "../data/answers.js";
import { type LastHour, pointOf } from "../data/last-hour.js";
import { histogramOf } from "../data/latencies.js";
import { total } from "../data/rates.js";
import { bytesText, countText, durationText, rateText } from "../data/texts.js";
import { Chart } from "./chart.js";
import { Instances } from "./instances.js";
import { Latency } from "./latency.js";
import { Figures } from "./parts.js";

interface OverviewProps {
  readonly sample: Sample;
  readonly hour: LastHour;
  /** The counts that the histograms begin with. */
  readonly before: LatenciesAnswer | undefined;
}

export function Overview({ sample, hour, before }: OverviewProps): JSX.Element {
  const { overview, rates } = sample;
  const { at, startedAt, version, node, workers, maxConnections, pending, latencies, rebalance } = overview;
  const delays = workers.flatMap(({ brokerDelayMs }) => brokerDelayMs ?? []);
  const canaries = workers.flatMap(({ canary }) => canary ?? []);
  const point = pointOf(overview, rates);
  const brokers = [...new Set(workers.map(({ broker }) => broker ?? "unknown"))].join(", ");
  const chart = (title: string, name: Parameters<LastHour["series"]>[0], latest: string): JSX.Element => (
    <Chart key={name} title={title} name={name} latest={latest} hour={hour} at={at} />
  );
  return (
    <>
      <Figures
        of={[
          ["Connections", `${countText(point.connections)} of ${countText(maxConnections)}`],
          ["At the front door", countText(pending)],
          ["Opened", rateText(rates.connections_opened)],
          ["Closed", rateText(rates.connections_closed)],
          ["Commands", rateText(rates.commands)],
          ["Publications", rateText(rates.publications)],
          ["Deliveries", rateText(rates.deliveries)],
          ["Bytes out", `${bytesText(rates.delivered_bytes ?? 0)}/s`],
          ["Refused by rate", rateText(rates.rate_limited)],
          ["Subscriptions behind", countText(total(overview, (each) => each.subscriptionsBehind))],
          ["Detached sessions", countText(total(overview, ({ detached }) => detached))],
          ["Broker", brokers],
          ["Redis answers in", delays.length === 0 ? "–" : durationText(Math.max(...delays))],
          [
            "Instances heard",
            canaries.length === 0
              ? "canary off"
              : countText(Math.max(...canaries.map((each) => each.instances))),
          ],
          ["Channels in workers", countText(point.topics)],
          ["Workers", countText(workers.length)],
          ["Up for", durationText(at - startedAt)],
          ["Version", `${version}, Node ${node}`],
        ]}
      />
      {rebalance !== undefined && <Instances of={rebalance} />}
      <h2>The last hour</h2>
      <p class="dim">Kept by this page, while it is visible.</p>
      <div class="charts">
        {chart("Connections", "connections", countText(point.connections))}
        {chart("Deliveries", "deliveries", rateText(point.deliveries))}
        {chart("Publications", "publications", rateText(point.publications))}
        {chart("Loop delay, the latest worker", "loopDelayMs", `${point.loopDelayMs.toFixed(1)} ms`)}
        {chart("Drops", "dropped", rateText(point.dropped))}
        {chart("Gaps", "gaps", rateText(point.gaps))}
        {chart("Garbage collection, share of time", "gcPercent", `${point.gcPercent.toFixed(1)} %`)}
        {chart("Memory of workers, MiB", "rssMiB", countText(point.rssMiB))}
        {chart("Channels in workers", "topics", countText(point.topics))}
      </div>
      <h2>Latencies</h2>
      <p class="dim">
        Of the last five minutes, or since this page was opened; at first since the workers began.
      </p>
      <div class="charts">
        <Latency
          title="Delivery, by the canary"
          of={histogramOf("delivery", before, latencies)}
          none={canaries.length === 0 ? "the canary is off (--canary 5s, with Redis)" : "no canary came yet"}
        />
        <Latency
          title="Loop delay, the largest of each quarter of a second"
          of={histogramOf("loop", before, latencies)}
          none="none yet"
        />
        <Latency title="Garbage collections" of={histogramOf("gc", before, latencies)} none="none yet" />
      </div>
    </>
  );
}
