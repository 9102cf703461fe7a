/**
 * Thousands of Socket.IO clients in one process, on bare WebSockets, with connection state recovery: as
 * `sdk-load.ts` for clients of the SDK, with the same arguments and commands.
 *
 * What is spoken is Engine.IO 4 and Socket.IO 5, as their protocol documents have it. A client keeps the
 * private session id and the last offset, and comes back with both. After an outage that it was not told of
 * it tries again as socket.io-client does by default: after 1 s, then twice that, 5 s at most, half more or
 * less. One that was told tries at once when the network is back, as ours does.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { OutageSight, OutageSights } from "./outage-sight.js";

const [port = "0", channel = ""] = process.argv.slice(2);
const CONNECTS_AT_ONCE = 200;
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 5_000;
const SPREAD = 0.5;

let network: "on" | "known off" | "blind off" = "on";
const sights = new OutageSights();
const visitors: Visitor[] = [];

class Visitor {
  readonly sight = new OutageSight();
  readonly subscribed: Promise<void>;
  #subscribed = (): void => {};
  #socket: WebSocket | undefined;
  #attempts = 0;
  #pid: string | undefined;
  #offset: string | undefined;

  constructor() {
    this.subscribed = new Promise((resolve) => {
      this.#subscribed = resolve;
    });
    sights.add(this.sight);
    this.open();
  }

  open(): void {
    const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket&channels=${channel}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket = socket;
    socket.on("message", (data) => this.#packet(String(data)));
    socket.on("error", () => {});
    socket.once("close", () => {
      this.sight.lost();
      // A client that is told that it is offline waits until it is not.
      if (network === "known off") return;
      const delay = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** this.#attempts++);
      setTimeout(() => this.open(), delay * (1 + SPREAD * (2 * Math.random() - 1)));
    });
    if (network !== "on") setImmediate(() => socket.terminate());
  }

  cut(): void {
    this.#socket?.terminate();
  }

  #packet(text: string): void {
    if (text.startsWith("0")) {
      const session = this.#pid === undefined ? {} : { pid: this.#pid, offset: this.#offset };
      this.#socket?.send(`40${JSON.stringify(session)}`);
    } else if (text === "2") this.#socket?.send("3");
    else if (text.startsWith("40")) {
      this.#pid = (JSON.parse(text.slice(2)) as { pid?: string }).pid;
      this.#attempts = 0;
      this.sight.connected();
      this.#subscribed();
    } else if (text.startsWith("42")) {
      const [, number, offset] = JSON.parse(text.slice(2)) as [string, number, string?];
      this.#offset = offset ?? this.#offset;
      this.sight.publication(number);
    }
  }
}

async function connect(count: number): Promise<object> {
  for (let left = count; left > 0; left -= CONNECTS_AT_ONCE) {
    const some = Array.from({ length: Math.min(left, CONNECTS_AT_ONCE) }, () => new Visitor());
    visitors.push(...some);
    await Promise.all(some.map(({ subscribed }) => subscribed));
    await sleep(10);
  }
  return sights.begin();
}

function cut(): object {
  for (const visitor of visitors) visitor.cut();
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
      network = word === "known" ? "known off" : "blind off";
      return cut();
    case "online": {
      const wasTold = network === "known off";
      sights.online();
      network = "on";
      if (wasTold) for (const visitor of visitors) visitor.open();
      return { online: true };
    }
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
