/**
 * The instance metadata service (IMDSv2), as the agent asks it.
 *
 * Invariant: what is not there (404) is an answer; everything else that goes wrong is an error, and the next
 * question begins anew.
 */
import { MetadataService } from "@aws-sdk/ec2-metadata-service";
import { type EndNotice, stronger } from "./end-notice.js";

/** Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html. */
const PATHS = Object.freeze({
  instanceId: "/latest/meta-data/instance-id",
  region: "/latest/meta-data/placement/region",
  lifecycle: "/latest/meta-data/autoscaling/target-lifecycle-state",
  spot: "/latest/meta-data/spot/instance-action",
  rebalance: "/latest/meta-data/events/recommendations/rebalance",
});

const TIMEOUT_MS = 2_000;
const MAX_SHOWN = 100;

/** What the agent wants to know of the instance that it runs on. */
export interface InstanceMetadata {
  instanceId(): Promise<string>;
  region(): Promise<string>;
  /** What is to become of the instance; undefined while it is to stay. Rejects when it cannot be known. */
  notice(): Promise<EndNotice | undefined>;
}

export class Imds implements InstanceMetadata {
  readonly #endpoint: string | undefined;

  /** `endpoint`: the service's address for tests; default the one of every EC2 instance. */
  constructor(endpoint?: string) {
    this.#endpoint = endpoint;
  }

  async instanceId(): Promise<string> {
    return this.#required(PATHS.instanceId);
  }

  async region(): Promise<string> {
    return this.#required(PATHS.region);
  }

  async notice(): Promise<EndNotice | undefined> {
    const [lifecycle, spot, rebalance] = await Promise.all([
      this.#ask(PATHS.lifecycle),
      this.#ask(PATHS.spot),
      this.#ask(PATHS.rebalance),
    ]);
    // `Warmed:Terminated` is the end of an instance of a warm pool.
    const terminating: EndNotice | undefined = /(^|:)Terminated$/.test(lifecycle ?? "")
      ? { kind: "terminating" }
      : undefined;
    const taken = spot === undefined ? undefined : spotNotice(spot);
    return stronger(terminating, taken ?? (rebalance === undefined ? undefined : { kind: "rebalance" }));
  }

  async #required(path: string): Promise<string> {
    const answer = await this.#ask(path);
    if (answer === undefined || answer === "")
      throw new Error(`the instance metadata have no ${path}: run the agent on an EC2 instance`);
    return answer;
  }

  /** Undefined where the service has nothing at that path. */
  async #ask(path: string): Promise<string | undefined> {
    // A new client each time: after one failed token the SDK's asks without one for ever, and such an answer
    // is refused where IMDSv2 is required.
    const service = new MetadataService({
      ...(this.#endpoint === undefined ? {} : { endpoint: this.#endpoint }),
      ec2MetadataV1Disabled: true,
      httpOptions: { timeout: TIMEOUT_MS },
      retries: 0,
    });
    try {
      return (await service.request(path, {})).trim();
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }
}

/** A notice for every action that takes the instance away; hibernation, too. */
function spotNotice(text: string): EndNotice {
  try {
    const { time } = JSON.parse(text) as { readonly time?: unknown };
    if (typeof time === "string") return { kind: "spot", at: time.slice(0, MAX_SHOWN) };
  } catch {
    // Said below: that there is a notice counts more than its form.
  }
  return { kind: "spot", at: "an unknown time" };
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
