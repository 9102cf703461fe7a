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
import { OutageSight, OutageSights } from "./outage-sight.js";

const [port = "0", channel = ""] = process.argv.slice(2);
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

const sights = new OutageSights();

/** Resolves when it is subscribed. */
async function watch(): Promise<void> {
  const sight = new OutageSight();
  sights.add(sight);
  const options = { WebSocket: CuttableSocket as never, network, transports: ["websocket"] as const };
  const client = new Client(`ws://127.0.0.1:${port}/ws`, options);
  const subscription = client.subscribe(channel, ({ data }) => sight.publication(data as number));
  subscription.on("gap", () => {
    sight.gaps++;
  });
  const subscribed = new Promise<void>((resolve) => subscription.on("subscribed", () => resolve()));
  client.on("state", ({ name }) => {
    if (name === "connected") sight.connected();
    else sight.lost();
  });
  await client.connect();
  await subscribed;
}

async function connect(count: number): Promise<object> {
  for (let left = count; left > 0; left -= CONNECTS_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, CONNECTS_AT_ONCE) }, watch));
    await sleep(10);
  }
  return sights.begin();
}

function cut(): object {
  for (const socket of open) socket.terminate();
  return { cut: true };
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
      sights.online();
      network.on();
      return { online: true };
    case "report":
      return sights.report();
    default:
      throw new Error(`no such command: ${line}`);
  }
}

console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await obey(line)));
process.exit();
