/**
 * The terminating lifecycle hook of an Auto Scaling group, for one instance.
 *
 * Invariant: the hook is completed only while the group waits for it (`Terminating:Wait`). The metadata say
 * `Terminated` earlier: from the deregistration on, when a completion is refused.
 */
import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
} from "@aws-sdk/client-auto-scaling";

/** How the group sees the instance. */
export type HookState =
  /** On its way: the hook's wait has not begun. */
  | "not-yet"
  /** The hook waits: a heartbeat prolongs it, a completion ends it. */
  | "waiting"
  /** The wait is over, by a completion or by its timeout; or the group does not know the instance. */
  | "over";

export interface LifecycleHook {
  state(): Promise<HookState>;
  /** Begins the hook's timeout anew. */
  heartbeat(): Promise<void>;
  /** Lets the group terminate the instance. */
  complete(): Promise<void>;
}

export interface HookOptions {
  readonly instanceId: string;
  readonly region: string;
  /** Name of the Auto Scaling group. */
  readonly group: string;
  /** Name of the lifecycle hook. */
  readonly hook: string;
  /** Where the API is, and by whose name, for tests; default: the region's, and the instance's role. */
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Of one call, ms. */
const TIMEOUT_MS = 10_000;

export class AutoScalingHook implements LifecycleHook {
  readonly #client: AutoScalingClient;
  readonly #instanceId: string;
  readonly #action: { AutoScalingGroupName: string; LifecycleHookName: string; InstanceId: string };

  constructor({ instanceId, region, group, hook, endpoint, credentials }: HookOptions) {
    this.#client = new AutoScalingClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      // The turns of the agent are the retries.
      maxAttempts: 1,
    });
    this.#instanceId = instanceId;
    this.#action = { AutoScalingGroupName: group, LifecycleHookName: hook, InstanceId: instanceId };
  }

  async state(): Promise<HookState> {
    const { AutoScalingInstances: [instance] = [] } = await this.#client.send(
      new DescribeAutoScalingInstancesCommand({ InstanceIds: [this.#instanceId] }),
      { abortSignal: AbortSignal.timeout(TIMEOUT_MS) },
    );
    const state = instance?.LifecycleState;
    if (state === undefined) return "over";
    if (/Terminating:Wait$/.test(state)) return "waiting";
    return /Terminating:Proceed$|Terminated$|Detached$/.test(state) ? "over" : "not-yet";
  }

  async heartbeat(): Promise<void> {
    await this.#client.send(new RecordLifecycleActionHeartbeatCommand(this.#action), {
      abortSignal: AbortSignal.timeout(TIMEOUT_MS),
    });
  }

  async complete(): Promise<void> {
    await this.#client.send(
      new CompleteLifecycleActionCommand({ ...this.#action, LifecycleActionResult: "CONTINUE" }),
      { abortSignal: AbortSignal.timeout(TIMEOUT_MS) },
    );
  }

  close(): void {
    this.#client.destroy();
  }
}
