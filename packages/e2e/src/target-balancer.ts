/**
 * A load balancer as AWS rents one, played by HAProxy: targets are registered and deregistered while it
 * runs, and health checks decide beside that.
 *
 * As a network load balancer it has two doors, since HAProxy has no flow hash and least connections at once:
 * bytes are passed on behind a header of PROXY v2. As an application load balancer it has one, speaks HTTP,
 * and names clients in X-Forwarded-For. Invariant: a deregistered target gets no new connection, and keeps
 * those that it has.
 */
import { eventually } from "./deadline.js";
import { HaProxy } from "./haproxy.js";

export type BalancerKind = "network" | "application";

const SLOTS = 16;
/** Of files, two for each connection. */
const MOST_CONNECTIONS = 8_000;

interface Door {
  readonly name: string;
  /** HAProxy's `balance`. */
  readonly balance: string;
}

const DOORS: Readonly<Record<BalancerKind, readonly Door[]>> = {
  network: [
    { name: "least", balance: "leastconn" },
    { name: "flow", balance: "hash src_port" },
  ],
  application: [{ name: "http", balance: "leastconn" }],
};

export class TargetBalancer {
  readonly #proxy: HaProxy;
  readonly #doors: readonly Door[];
  #slots = 0;

  private constructor(proxy: HaProxy, doors: readonly Door[]) {
    this.#proxy = proxy;
    this.#doors = doors;
  }

  static async start(kind: BalancerKind): Promise<TargetBalancer> {
    const doors = DOORS[kind];
    const proxy = await HaProxy.configured((port) => configuration(kind, doors, port), doors.length);
    return new TargetBalancer(proxy, doors);
  }

  /** http://host:port of a client's door; clients take the doors in turn. */
  url(client: number): string {
    return `http://127.0.0.1:${this.#proxy.port + (client % this.#doors.length)}`;
  }

  /** Resolves with the target's slot when its first health check has passed at each door. */
  async register(target: URL): Promise<number> {
    const slot = ++this.#slots;
    if (slot > SLOTS) throw new Error(`${SLOTS} targets at most`);
    for (const { name } of this.#doors) {
      const server = `set server ${name}/t${slot}`;
      await this.#proxy.order(`${server} addr ${target.hostname} port ${target.port}`);
      await this.#proxy.order(`${server} state ready`);
    }
    await eventually(`target ${target} is healthy`, async () => (await this.health(slot)).every(isPassed));
    return slot;
  }

  /** No new connections from now on; those that are open stay. */
  async deregister(slot: number): Promise<void> {
    for (const { name } of this.#doors) await this.#proxy.order(`set server ${name}/t${slot} state drain`);
  }

  /** Forgets a target that has ended. */
  async remove(slot: number): Promise<void> {
    for (const { name } of this.#doors) await this.#proxy.order(`set server ${name}/t${slot} state maint`);
  }

  /** The last check of a target at each door, such as `UP L7OK`. */
  async health(slot: number): Promise<readonly string[]> {
    const servers = (await this.#proxy.servers()).filter(({ svname }) => svname === `t${slot}`);
    return servers.map(({ status, check_status }) => `${status} ${check_status}`);
  }

  /** What it said, failed health checks for one. */
  get output(): string {
    return this.#proxy.output;
  }

  close(): Promise<void> {
    return this.#proxy.close();
  }
}

function isPassed(health: string): boolean {
  return health === "UP L7OK";
}

/**
 * A target that is new, or has failed, is checked as often as a test can wait for. One that serves has
 * seconds to answer, as at AWS: on a busy machine all of them would be down at once, and HAProxy refuses
 * every client then.
 */
function configuration(kind: BalancerKind, doors: readonly Door[], port: number): string {
  const isNetwork = kind === "network";
  const sections = doors.flatMap(({ name, balance }, n) => [
    `frontend door-${name}`,
    `  bind 127.0.0.1:${port + n}`,
    `  default_backend ${name}`,
    `backend ${name}`,
    `  balance ${balance}`,
    ...(isNetwork ? [] : ["  http-reuse never", "  option forwardfor"]),
    "  option httpchk GET /healthz",
    "  timeout check 15s",
    `  default-server inter 15s fastinter 5s downinter 300ms fall 3 rise 1 ${isNetwork ? "send-proxy-v2 check-send-proxy" : ""}`,
    `  server-template t 1-${SLOTS} 127.0.0.1:1 check disabled`,
  ]);
  return [
    "global",
    `  maxconn ${MOST_CONNECTIONS}`,
    "defaults",
    `  mode ${isNetwork ? "tcp" : "http"}`,
    "  retries 0",
    "  timeout connect 30s",
    "  timeout client 75s",
    "  timeout server 75s",
    "  timeout tunnel 75s",
    ...sections,
    "",
  ].join("\n");
}
