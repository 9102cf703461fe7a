/**
 * An Auto Scaling group on one machine: gateways with their agents, each on a machine of its own, behind a
 * load balancer. The agents are real; the metadata service and the API of Auto Scaling are played by a
 * process of their own.
 *
 *     launch: gateway ready ─► registered         terminate: metadata ─► deregistered ─► hook waits ─► ended
 *
 * Invariant: an instance is ended only after its hook was completed, which its agent alone does.
 */
import type { AwsAnswers, InstanceFacts } from "./aws-services.js";
import { eventually } from "./deadline.js";
import { FleetInstance, type Release } from "./fleet-instance.js";
import { HelperProcess } from "./helper-process.js";
import { MachineNetwork } from "./machine-network.js";
import type { Resources } from "./resources.js";
import { type BalancerKind, TargetBalancer } from "./target-balancer.js";

export interface FleetOptions {
  readonly kind: BalancerKind;
  /** The value of `--redis`, as machines of this network reach it. */
  readonly redis: (host: string) => Promise<string>;
  /** Connections that an instance takes at most. */
  readonly mostConnections: number;
  readonly drainWindowMs: number;
}

/** From the deregistration to the begin of the hook's wait, ms. AWS: 300 s by default, 20 s in our kit. */
const DEREGISTRATION_MS = 1_000;
/** The hook's patience: far longer than a drain, since a busy machine is no failure. */
const RELEASE_MS = 240_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #own: Resources;
  readonly #redis: string;
  readonly #aws: HelperProcess<AwsAnswers>;
  readonly network: MachineNetwork;
  readonly balancer: TargetBalancer;
  /** In service, the oldest first. */
  readonly instances: FleetInstance[] = [];
  /** All there ever were. */
  readonly launched: FleetInstance[] = [];
  #ids = 0;

  private constructor(
    options: FleetOptions,
    own: Resources,
    parts: {
      network: MachineNetwork;
      balancer: TargetBalancer;
      aws: HelperProcess<AwsAnswers>;
      redis: string;
    },
  ) {
    this.#options = options;
    this.#own = own;
    this.#aws = parts.aws;
    this.#redis = parts.redis;
    this.network = parts.network;
    this.balancer = parts.balancer;
  }

  static async start(options: FleetOptions, own: Resources): Promise<Fleet> {
    const network = own.add(MachineNetwork.open());
    const redis = await options.redis(network.host);
    const aws = own.add(new HelperProcess<AwsAnswers>("aws-services"));
    await aws.ask("listen", network.host);
    const balancer = own.add(await TargetBalancer.start(options.kind));
    return new Fleet(options, own, { network, balancer, aws, redis });
  }

  /** Adds an instance. Resolves when the load balancer has found it healthy. */
  async launch(release: Release): Promise<FleetInstance> {
    const instance = await FleetInstance.start({
      id: `i-${String(++this.#ids).padStart(4, "0")}`,
      machine: this.network.add(),
      aws: this.#aws,
      release,
      args: this.#args(),
    });
    this.#own.add(instance);
    this.launched.push(instance);
    instance.slot = await this.balancer.register(new URL(instance.gateway.http));
    this.instances.push(instance);
    return instance;
  }

  /** As a scale-in or an instance refresh does it. Resolves with its end when the instance is gone. */
  async terminate(instance: FleetInstance): Promise<InstanceFacts> {
    await instance.move("terminating");
    await this.balancer.deregister(instance.slot);
    await new Promise((resolve) => setTimeout(resolve, DEREGISTRATION_MS));
    await instance.move("waiting");
    const facts = await eventually(`the agent lets ${instance.id} go`, () => released(instance), RELEASE_MS);
    this.instances.splice(this.instances.indexOf(instance), 1);
    await instance.stop();
    await this.balancer.remove(instance.slot);
    return facts;
  }

  #args(): readonly string[] {
    const { kind, mostConnections, drainWindowMs } = this.#options;
    return [
      ...["--redis", this.#redis, "--workers", "1", "--anonymous"],
      ...["--namespaces", JSON.stringify({ log: { historySize: 20_000, historyTtl: "10m" } })],
      ...["--max-connections", String(mostConnections)],
      ...["--drain-delay", "1s", "--drain-window", `${drainWindowMs}ms`],
      // What is slow on a busy machine is not lost.
      ...["--head-timeout", "60s", "--connect-timeout", "60s", "--pong-timeout", "20s"],
      ...(kind === "network" ? ["--proxy-protocol"] : ["--trusted-proxies", this.network.host]),
    ];
  }
}

/** Undefined while it is held. */
async function released(instance: FleetInstance): Promise<InstanceFacts | undefined> {
  const facts = await instance.facts();
  return facts.life === "proceeding" ? facts : undefined;
}
