/**
 * Thousands of clients of the SDK in one process, and a network between that the bench can cut.
 *
 * Arguments: port, channel. Commands on stdin, one a line, each answered with a line of JSON:
 *
 *     connect <n>     opens n clients; answers when all are subscribed
 *     cut             resets every connection
 *     offline known   cuts, and nothing passes; the clients are told, as a browser tells them
 *     offline blind   the same, but no event tells them
 *     online          the network is back
 *     report          what the clients saw, and forgets it
 *
 * A publication is a number, counting up from 0. Latencies are measured on this process's own clock.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Network } from "@holdfast/client";
import { WebSocket } from "ws";
import { quantile } from "../statistics.js";

const [port = "0", channel = ""] = process.argv.slice(2);
const SAMPLE_MS = 20;
const CONNECTS_AT_ONCE = 200;

/** One network for all clients of this process. */
class Switch implements Network {
  state: "on" | "known off" | "blind off" = "on";
  readonly #waiting = new Set<() => void>();

  offline(): boolean {
    return this.state === "known off";
  }

  whenOnline(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  on(): void {
    this.state = "on";
    for (const run of this.#waiting) run();
    this.#waiting.clear();
  }
}

const network = new Switch();
const open = new Set<WebSocket>();

/** A socket that can be cut from outside, and does not get through while the network is off. */
class CuttableSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, { perMessageDeflate: false });
    open.add(this);
    this.once("close", () => open.delete(this));
    if (network.state !== "on") setImmediate(() => this.terminate());
  }
}

class Watcher {
  readonly client: Client;
  /** Numbers that came, and came again. */
  received = 0;
  repeated = 0;
  gaps = 0;
  /** The last number that came, and when. */
  last = -1;
  lastAt = 0;
  /** Since when it has lost its connection, ms; undefined while it has one, and before the first. */
  awaySince: number | undefined;
  #wasConnected = false;
  /** How long it was away each time, ms. */
  readonly absences: number[] = [];
  readonly subscribed: Promise<void>;

  constructor() {
    const options = { WebSocket: CuttableSocket as never, network, transports: ["websocket"] as const };
    this.client = new Client(`ws://127.0.0.1:${port}/ws`, options);
    const subscription = this.client.subscribe(channel, ({ data }) => {
      const number = data as number;
      if (number <= this.last) this.repeated++;
      else this.received++;
      this.last = Math.max(this.last, number);
      this.lastAt = performance.now();
    });
    subscription.on("gap", () => {
      this.gaps++;
    });
    this.subscribed = new Promise((resolve) => subscription.on("subscribed", () => resolve()));
    this.client.on("state", ({ name }) => {
      if (name === "connected") {
        if (this.awaySince !== undefined) this.absences.push(performance.now() - this.awaySince);
        this.awaySince = undefined;
        this.#wasConnected = true;
      } else if (this.#wasConnected) this.awaySince ??= performance.now();
    });
  }
}

const watchers: Watcher[] = [];
let onlineAt = 0;
let connectedAtLeast = Number.POSITIVE_INFINITY;

setInterval(() => {
  let connected = 0;
  for (const { awaySince } of watchers) if (awaySince === undefined) connected++;
  connectedAtLeast = Math.min(connectedAtLeast, connected);
}, SAMPLE_MS);

async function connect(count: number): Promise<object> {
  for (let left = count; left > 0; left -= CONNECTS_AT_ONCE) {
    const some = Array.from({ length: Math.min(left, CONNECTS_AT_ONCE) }, () => new Watcher());
    watchers.push(...some);
    await Promise.all(some.map(({ client, subscribed }) => client.connect().then(() => subscribed)));
    await sleep(10);
  }
  connectedAtLeast = watchers.length;
  return { connected: watchers.length };
}

function cut(): object {
  for (const socket of open) socket.terminate();
  return { cut: true };
}

function report(): object {
  const catchUps = watchers.map(({ lastAt }) => lastAt - onlineAt).sort((a, b) => a - b);
  const absences = watchers.flatMap((watcher) => watcher.absences.splice(0)).sort((a, b) => a - b);
  const sum = (of: (watcher: Watcher) => number): number =>
    watchers.reduce((total, each) => total + of(each), 0);
  const figures = {
    clients: watchers.length,
    received: sum(({ received }) => received),
    repeated: sum(({ repeated }) => repeated),
    gaps: sum(({ gaps }) => gaps),
    away: watchers.filter(({ awaySince }) => awaySince !== undefined).length,
    sawOutage: absences.length,
    catchUpP50: quantile(catchUps, 0.5),
    catchUpP99: quantile(catchUps, 0.99),
    absenceP50: quantile(absences, 0.5),
    absenceP95: quantile(absences, 0.95),
    connectedAtLeast,
    cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1000,
  };
  connectedAtLeast = watchers.length;
  return figures;
}

async function obey(line: string): Promise<object> {
  const [command, word] = line.split(" ");
  switch (command) {
    case "connect":
      return connect(Number(word));
    case "cut":
      return cut();
    case "offline":
      network.state = word === "known" ? "known off" : "blind off";
      return cut();
    case "online":
      onlineAt = performance.now();
      network.on();
      return { online: true };
    case "report":
      return report();
    default:
      throw new Error(`no such command: ${line}`);
  }
}

console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await obey(line)));
process.exit();
