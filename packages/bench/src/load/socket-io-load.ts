/**
 * Thousands of Socket.IO clients in one process, by its own client library, with connection state recovery:
 * as `sdk-load.ts` for clients of the SDK, with the same arguments and commands.
 *
 * After an outage that it was not told of a client tries again as its library does by default. One that was
 * told tries at once when the network is back, as ours does: its application would have to see to that.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { io, type Socket } from "socket.io-client";
import { OutageSight, OutageSights } from "./outage-sight.js";

const [port = "0", channel = ""] = process.argv.slice(2);
const CONNECTS_AT_ONCE = 200;

/** What is below a client of Engine.IO and below its WebSocket; its types leave both out. */
interface Insides {
  readonly transport?: { readonly ws?: { terminate(): void } };
}

let network: "on" | "known off" | "blind off" = "on";
const sights = new OutageSights();
const sockets: Socket[] = [];

/** Resolves when it is connected; the server has put it into the channel by then. */
async function watch(): Promise<void> {
  const sight = new OutageSight();
  sights.add(sight);
  const socket = io(`ws://127.0.0.1:${port}`, {
    transports: ["websocket"],
    query: { channels: channel },
    forceNew: true,
  });
  sockets.push(socket);
  socket.on("m", (number: number) => sight.publication(number));
  socket.on("disconnect", () => sight.lost());
  socket.io.on("reconnect_attempt", () => {
    if (network !== "on") setImmediate(() => terminate(socket));
  });
  const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.on("connect", () => sight.connected());
  await connected;
}

function terminate(socket: Socket): void {
  (socket.io.engine as unknown as Insides | undefined)?.transport?.ws?.terminate();
}

async function connect(count: number): Promise<object> {
  for (let left = count; left > 0; left -= CONNECTS_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, CONNECTS_AT_ONCE) }, watch));
    await sleep(10);
  }
  return sights.begin();
}

function cut(): object {
  for (const socket of sockets) terminate(socket);
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
      if (network === "known off") for (const { io: manager } of sockets) manager.reconnection(false);
      return cut();
    case "online": {
      const wasTold = network === "known off";
      sights.online();
      network = "on";
      if (wasTold)
        for (const socket of sockets) {
          socket.io.reconnection(true);
          socket.connect();
        }
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
