/**
 * Sends the instance's report where the kit's policies and alarms read it.
 *
 * Invariant: a report that could not be sent is dropped, never kept: the next one says more.
 */
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { AGENT } from "@holdfast/platform";
import { type Datum, embeddedMetrics } from "./report.js";

export interface Reporter {
  send(data: readonly Datum[]): Promise<void>;
  close(): void;
}

const TIMEOUT_MS = 10_000;

/** By the API `PutMetricData`. `endpoint`: where it is, for tests. */
export class CloudWatchReporter implements Reporter {
  readonly #client: CloudWatchClient;
  readonly #group: string;

  constructor({ region, group, endpoint }: { region: string; group: string; endpoint?: string }) {
    this.#client = new CloudWatchClient({
      region,
      maxAttempts: 2,
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    this.#group = group;
  }

  async send(data: readonly Datum[]): Promise<void> {
    await this.#client.send(
      new PutMetricDataCommand({
        Namespace: AGENT.namespace,
        MetricData: data.map(({ metric, value }) => ({
          MetricName: metric.name,
          Unit: metric.unit,
          Value: value,
          Dimensions: [{ Name: AGENT.dimension, Value: this.#group }],
        })),
      }),
      { abortSignal: AbortSignal.timeout(TIMEOUT_MS) },
    );
  }

  close(): void {
    this.#client.destroy();
  }
}

/** As a line of the embedded metric format, for a log that is sent to CloudWatch. */
export class EmbeddedReporter implements Reporter {
  readonly #group: string;
  readonly #write: (line: string) => void;

  constructor(group: string, write: (line: string) => void) {
    this.#group = group;
    this.#write = write;
  }

  async send(data: readonly Datum[]): Promise<void> {
    this.#write(embeddedMetrics(data, this.#group, Date.now()));
  }

  close(): void {}
}
