/**
 * The process of the played AWS: the metadata of a fleet's instances and the API of Auto Scaling. Agents ask
 * it; the test says what becomes of an instance.
 *
 *     in service ─► terminating ─► waiting ──completed by the agent──► proceeding
 *
 * Invariant: `early` counts the completions of a hook whose gateway was not drained.
 */
import { FakeAws, type KnownInstance } from "@holdfast/aws/testing";
import { serve } from "./helper-process.js";

export type FleetLife = "in service" | "terminating" | "waiting" | "proceeding";

export interface InstanceFacts {
  readonly life: FleetLife;
  readonly heartbeats: number;
  readonly early: number;
}

export interface NewInstance {
  readonly id: string;
  /** http://host:port of its gateway's admin port. */
  readonly admin: string;
  readonly adminKey: string;
}

/** The addresses that an instance's agent is given. */
export interface Endpoints {
  readonly metadata: string;
  readonly autoScaling: string;
}

const STATES: Readonly<Record<FleetLife, string>> = {
  "in service": "InService",
  terminating: "Terminating",
  waiting: "Terminating:Wait",
  proceeding: "Terminating:Proceed",
};
/** The agent itself waits 10 s for an answer. */
const GATEWAY_MS = 8_000;

class PlayedInstance implements KnownInstance {
  readonly id: string;
  readonly isRebalanced = false;
  readonly isMetadataFailing = false;
  readonly isApiThrottled = false;
  readonly #of: NewInstance;
  life: FleetLife = "in service";
  #heartbeats = 0;
  #early = 0;

  constructor(of: NewInstance) {
    this.id = of.id;
    this.#of = of;
  }

  get facts(): InstanceFacts {
    return { life: this.life, heartbeats: this.#heartbeats, early: this.#early };
  }

  get targetState(): string {
    return this.life === "in service" ? "InService" : "Terminated";
  }

  get lifecycleState(): string {
    return STATES[this.life];
  }

  heartbeat(): boolean {
    if (this.life !== "waiting") return false;
    this.#heartbeats++;
    return true;
  }

  async complete(): Promise<boolean> {
    if (this.life !== "waiting") return false;
    const response = await fetch(new URL("/api/drain", this.#of.admin), {
      headers: { Authorization: `Bearer ${this.#of.adminKey}`, Connection: "close" },
      signal: AbortSignal.timeout(GATEWAY_MS),
    });
    const { state } = (await response.json()) as { readonly state?: unknown };
    if (state !== "drained") this.#early++;
    this.life = "proceeding";
    return true;
  }
}

class AwsServices {
  readonly #instances = new Map<string, PlayedInstance>();
  #aws: FakeAws | undefined;

  async listen(host: string): Promise<void> {
    this.#aws = await FakeAws.start(host);
  }

  add(of: NewInstance): Endpoints {
    if (this.#aws === undefined) throw new Error("no address yet: ask `listen` first");
    const instance = new PlayedInstance(of);
    this.#instances.set(of.id, instance);
    this.#aws.add(instance);
    return { metadata: this.#aws.metadataOf(instance), autoScaling: this.#aws.url };
  }

  move({ id, life }: { readonly id: string; readonly life: FleetLife }): void {
    this.#known(id).life = life;
  }

  facts(id: string): InstanceFacts {
    return this.#known(id).facts;
  }

  #known(id: string): PlayedInstance {
    const instance = this.#instances.get(id);
    if (instance === undefined) throw new Error(`no instance ${id}`);
    return instance;
  }
}

function answersOf(services: AwsServices) {
  return {
    /** `host`: an address of this machine that the agents reach. */
    listen: (host: string) => services.listen(host),
    add: (instance: NewInstance) => services.add(instance),
    move: (move: { readonly id: string; readonly life: FleetLife }) => services.move(move),
    facts: (id: string) => services.facts(id),
  };
}

export type AwsAnswers = ReturnType<typeof answersOf>;

serve(answersOf(new AwsServices()));
