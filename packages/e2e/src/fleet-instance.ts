/**
 * One instance of a fleet: a gateway and `holdfast aws agent` on a machine. What becomes of it is said to the
 * played AWS (aws-services.ts).
 */
import type { AwsAnswers, FleetLife, InstanceFacts } from "./aws-services.js";
import { GatewayProcess } from "./gateway-process.js";
import type { HelperProcess } from "./helper-process.js";
import type { Machine } from "./machine-network.js";
import { metric } from "./metrics-text.js";
import type { Program } from "./program.js";

/** A version that is installed somewhere. */
export interface Release {
  readonly version: string;
  /** Of its `bin/holdfast.js`. */
  readonly program: string;
}

export interface FleetInstanceOptions {
  readonly id: string;
  readonly machine: Machine;
  readonly aws: HelperProcess<AwsAnswers>;
  readonly release: Release;
  /** More flags of the gateway. */
  readonly args: readonly string[];
}

/** Of a process among many others on a small machine. */
const START_MS = 90_000;
const ADMIN_KEY = "a-key-for-the-rehearsal-0123456789";

export class FleetInstance {
  readonly id: string;
  readonly release: Release;
  readonly #machine: Machine;
  readonly #aws: HelperProcess<AwsAnswers>;
  #gateway: GatewayProcess | undefined;
  #agent: Program | undefined;
  /** At the load balancer. */
  slot = 0;

  private constructor({ id, machine, aws, release }: FleetInstanceOptions) {
    this.id = id;
    this.release = release;
    this.#machine = machine;
    this.#aws = aws;
  }

  /** Resolves when the gateway is ready and the agent watches. */
  static async start(options: FleetInstanceOptions): Promise<FleetInstance> {
    const instance = new FleetInstance(options);
    try {
      await instance.#startBoth(options);
      return instance;
    } catch (error) {
      await instance.close();
      throw error;
    }
  }

  get gateway(): GatewayProcess {
    if (this.#gateway === undefined) throw new Error(`${this.id} has no gateway`);
    return this.#gateway;
  }

  get agentOutput(): string {
    return this.#agent?.output ?? "";
  }

  /** What Auto Scaling does with it next. */
  move(life: FleetLife): Promise<void> {
    return this.#aws.ask("move", { id: this.id, life });
  }

  /** What Auto Scaling knows of it. */
  facts(): Promise<InstanceFacts> {
    return this.#aws.ask("facts", this.id);
  }

  /** That the running program says. */
  get version(): string {
    return /^holdfast (\S+) on /.exec(this.gateway.banner.msg)?.[1] ?? "";
  }

  /** Open ones. */
  async connections(): Promise<number> {
    return metric((await this.#admin("/metrics")).text, "holdfast_connections");
  }

  /** The machine is shut down: both services are asked to end. */
  async stop(): Promise<void> {
    const gateway = this.gateway;
    this.#agent?.signal("SIGTERM");
    const { code } = await gateway.stop();
    if (code !== 0) throw new Error(`${this.id}: the gateway ended with ${code}`);
    await this.close();
  }

  async close(): Promise<void> {
    await this.#agent?.close();
    await this.#gateway?.close();
    this.#machine.close();
  }

  async #startBoth({ machine, aws, release, args }: FleetInstanceOptions): Promise<void> {
    const { address } = machine;
    const env = { HOLDFAST_ADMIN_KEY: ADMIN_KEY };
    this.#gateway = await GatewayProcess.start({
      args: [...args, "--host", address, "--admin-host", address],
      env,
      startMs: START_MS,
      start: (all, options) => machine.run(process.execPath, [release.program, ...all], options),
    });
    const { admin } = this.gateway;
    const endpoints = await aws.ask("add", { id: this.id, admin, adminKey: ADMIN_KEY });
    const flags = ["--group", "rehearsal", "--heartbeat", "1s", "--poll", "500ms", "--metrics", "off"];
    this.#agent = machine.run(process.execPath, [release.program, "aws", "agent", ...flags, "--url", admin], {
      env: {
        ...env,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoints.metadata,
        AWS_ENDPOINT_URL_AUTO_SCALING: endpoints.autoScaling,
        AWS_ACCESS_KEY_ID: "rehearsal",
        AWS_SECRET_ACCESS_KEY: "rehearsal",
      },
    });
    await this.#agent.line(`watching instance ${this.id}`, START_MS);
  }

  #admin(path: string): Promise<{ status: number; text: string }> {
    return this.gateway.adminGet(path, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  }
}
