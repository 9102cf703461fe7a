/**
 * A fleet behind a load balancer, simulated: clients, instances that decide about a rebalance, and time.
 *
 * Instances decide by the real decision, on what the others said up to some seconds ago, each at a moment of
 * its own. A client that is sent away comes back through the balancer. Invariant: a client is at one instance
 * or on its way to one.
 */
import {
  DECISION_MS,
  decide,
  type InstanceLoad,
  NEW_MEMORY,
  type RebalanceMemory,
  type RebalanceRules,
} from "../decision.js";

export type BalancerKind = "flow hash" | "least outstanding" | "random";

export interface SimFleetOptions {
  readonly kind: BalancerKind;
  readonly instances: number;
  readonly clients: number;
  readonly rules: RebalanceRules;
  readonly seed: number;
  /** Index of an instance that says its load late and takes clients slowly. */
  readonly slow?: number;
}

const STEP_MS = 500;
/** Within one decision's time. */
const SPREAD_STEPS = 3;
const MAX_RETRY_MS = 2_000;
const AWAY_MS = 6_000;
const SLOW_TAKES_MS = 5_000;
/** A load balancer of HTTP is several machines, each of which knows its own requests alone. */
const BALANCER_NODES = 3;
const CAPACITY = 1_000_000;

class SimInstance {
  readonly clients: number[] = [];
  readonly outstanding = new Array<number>(BALANCER_NODES).fill(0);
  memory: RebalanceMemory = NEW_MEMORY;
  said: { readonly load: InstanceLoad; readonly at: number } | undefined;
  /** The client that is looked at next. */
  next = 0;
  order = { left: 0, steps: 0, minAgeMs: 0 };
  readonly sheds: { readonly at: number; readonly count: number; readonly of: number }[] = [];
  decidesAt = 0;
  readonly name: string;
  readonly isSlow: boolean;

  constructor(name: string, isSlow: boolean) {
    this.name = name;
    this.isSlow = isSlow;
  }
}

export class SimFleet {
  readonly instances: SimInstance[] = [];
  /** How often each client was sent away. */
  readonly moves: Uint8Array;
  now = 0;
  readonly #options: SimFleetOptions;
  readonly #openedAt: Float64Array;
  readonly #node: Uint8Array;
  #returning: { readonly at: number; readonly client: number; readonly to?: SimInstance }[] = [];
  #state: number;

  constructor(options: SimFleetOptions) {
    this.#options = options;
    this.#state = options.seed;
    this.moves = new Uint8Array(options.clients);
    this.#openedAt = new Float64Array(options.clients);
    this.#node = new Uint8Array(options.clients);
    this.grow(options.instances);
    for (let client = 0; client < options.clients; client++) this.#arrive(client);
  }

  /** Adds empty instances. */
  grow(count: number): void {
    for (let n = 0; n < count; n++) {
      const index = this.instances.length;
      const instance = new SimInstance(`i-${index}`, index === this.#options.slow);
      instance.decidesAt = this.now + this.#random() * DECISION_MS;
      this.instances.push(instance);
    }
  }

  run(ms: number, look: () => void = () => {}): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += STEP_MS;
      for (const instance of this.instances) this.#step(instance);
      const due = this.#returning.filter(({ at }) => at <= this.now);
      if (due.length > 0) this.#returning = this.#returning.filter(({ at }) => at > this.now);
      for (const { client, to } of due) this.#arrive(client, to);
      look();
    }
  }

  /** The fullest less the emptiest, as a part of the mean. */
  get spread(): number {
    const held = this.instances.map(({ clients }) => clients.length);
    const mean = held.reduce((sum, each) => sum + each, 0) / held.length;
    return (Math.max(...held) - Math.min(...held)) / mean;
  }

  /** Clients at instances and on their way. */
  get total(): number {
    return this.#returning.length + this.instances.reduce((sum, { clients }) => sum + clients.length, 0);
  }

  shedSince(at: number): number {
    return this.instances
      .flatMap(({ sheds }) => sheds)
      .filter((each) => each.at > at)
      .reduce((sum, { count }) => sum + count, 0);
  }

  /** The highest part of its clients that an instance gave away in a second, over any so many ms. */
  worstRate(windowMs: number): number {
    let worst = 0;
    for (const { sheds } of this.instances) {
      let first = 0;
      let count = 0;
      for (const last of sheds) {
        count += last.count;
        for (; (sheds[first]?.at ?? 0) <= last.at - windowMs; first++) count -= sheds[first]?.count ?? 0;
        // Less one decision's worth, which may lie across the window's edge.
        const seconds = (windowMs + DECISION_MS) / 1000;
        worst = Math.max(worst, (count - 1) / (sheds[first]?.of ?? 1) / seconds);
      }
    }
    return worst;
  }

  #step(instance: SimInstance): void {
    this.#shed(instance);
    if (instance.decidesAt > this.now) return;
    instance.decidesAt += instance.isSlow ? 2 * DECISION_MS : DECISION_MS;
    let away = 0;
    for (let last = instance.sheds.length - 1; last >= 0; last--) {
      const { at = 0, count = 0 } = instance.sheds[last] ?? {};
      if (this.now - at >= AWAY_MS) break;
      away += count;
    }
    const own: InstanceLoad = {
      instance: instance.name,
      state: "serving",
      connections: instance.clients.length,
      capacity: CAPACITY,
      weight: 1,
      away,
    };
    instance.said = { load: own, at: this.now };
    const peers = this.instances.flatMap(({ said }) =>
      said === undefined || said.load.instance === own.instance
        ? []
        : [{ ...said.load, ageMs: this.now - said.at }],
    );
    const cluster = { own, peers, unreadable: [] };
    const { memory, shed, minAgeMs } = decide(instance.memory, cluster, this.#options.rules, this.now);
    instance.memory = memory;
    instance.order = { left: shed, steps: SPREAD_STEPS, minAgeMs };
  }

  #shed(instance: SimInstance): void {
    const { order, clients } = instance;
    if (order.left === 0) return;
    const due = Math.ceil(order.left / Math.max(1, order.steps));
    const of = clients.length;
    let count = 0;
    for (let visits = 0; visits < of && count < due; visits++) {
      if (instance.next >= clients.length) instance.next = 0;
      const client = clients[instance.next] ?? 0;
      if (this.now - (this.#openedAt[client] ?? 0) < order.minAgeMs) {
        instance.next++;
        continue;
      }
      clients[instance.next] = clients.at(-1) ?? 0;
      clients.pop();
      count++;
      this.#leave(instance, client);
    }
    order.left = count < due ? 0 : order.left - count;
    order.steps--;
    if (count > 0) instance.sheds.push({ at: this.now, count, of });
  }

  #leave(instance: SimInstance, client: number): void {
    this.moves[client] = (this.moves[client] ?? 0) + 1;
    const node = this.#node[client] ?? 0;
    instance.outstanding[node] = (instance.outstanding[node] ?? 0) - 1;
    this.#returning.push({ at: this.now + this.#random() * MAX_RETRY_MS, client });
  }

  /** `to`: the instance that has yet to take it. */
  #arrive(client: number, to?: SimInstance): void {
    const node = Math.floor(this.#random() * BALANCER_NODES);
    const instance = to ?? this.#pick(client, node);
    if (to === undefined) {
      this.#node[client] = node;
      instance.outstanding[node] = (instance.outstanding[node] ?? 0) + 1;
      if (instance.isSlow && this.now > 0) {
        this.#returning.push({ at: this.now + SLOW_TAKES_MS, client, to: instance });
        return;
      }
    }
    instance.clients.push(client);
    this.#openedAt[client] = this.now;
  }

  #pick(client: number, node: number): SimInstance {
    const { instances } = this;
    let index = 0;
    switch (this.#options.kind) {
      case "random":
        index = Math.floor(this.#random() * instances.length);
        break;
      case "flow hash":
        // By addresses and ports, of which the client's port is another at each attempt.
        index = hash(client, (this.moves[client] ?? 0) + Math.floor(this.now)) % instances.length;
        break;
      case "least outstanding":
        for (let other = 1; other < instances.length; other++)
          if (outstanding(instances[other], node) < outstanding(instances[index], node)) index = other;
    }
    const picked = instances[index];
    if (picked === undefined) throw new Error("a fleet has instances");
    return picked;
  }

  /** Mulberry32: uniform in [0, 1). */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

function outstanding(instance: SimInstance | undefined, node: number): number {
  return instance?.outstanding[node] ?? 0;
}

function hash(client: number, port: number): number {
  let mixed = Math.imul(client + 1, 0x9e3779b1) ^ Math.imul(port + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
