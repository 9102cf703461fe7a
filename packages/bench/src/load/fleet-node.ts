/**
 * The fleet without a compiler: the arguments, commands and answers of native/fleet.c, in Node.
 *
 * Latencies beyond a bound are not recorded. Its CPU share in the output shows when it was the bottleneck.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../statistics.js";
import { handshakeRequest, handshakeStatus } from "./handshake.js";
import { maskedFrame, readFrame } from "./websocket-frames.js";

const [portText = "0", target = "/", channelsText = "1", perConnectionText = "1", hello = "-"] =
  process.argv.slice(2);
const [port, channels, perConnection] = [portText, channelsText, perConnectionText].map(Number) as [
  number,
  number,
  number,
];
const MAX_LATENCIES = 4_000_000;
const CONNECT_TIMEOUT_MS = 30_000;
const MAX_CONNECTING = 200;
const SOURCES = 8;
const NOTHING = Buffer.alloc(0);

const sockets: Socket[] = [];
const counts = { open: 0, lost: 0, failed: 0, messages: 0, bytes: 0 };
const latenciesMs: number[] = [];
const lastOfRound = new Map<bigint, bigint>();
const since = { cpu: process.cpuUsage(), ms: performance.now() };
const churning = { perSecond: 0, nextMs: 0, at: 0 };

function begin(index: number): void {
  const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (index % SOURCES)}` });
  sockets[index] = socket;
  let state: "connecting" | "open" | "over" = "connecting";
  let rest: Buffer = NOTHING;
  socket.on("connect", () => {
    const own = Array.from({ length: perConnection }, (_, k) => `c${(index * perConnection + k) % channels}`);
    socket.write(handshakeRequest(target + own.join(","), port));
  });
  socket.on("data", (chunk: Buffer) => {
    const now = process.hrtime.bigint();
    counts.bytes += chunk.length;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (state === "connecting") {
      const status = handshakeStatus(rest.toString("latin1"));
      if (status === undefined) return;
      if (status !== "101") return void socket.destroy();
      rest = rest.subarray(rest.indexOf("\r\n\r\n") + 4);
      state = "open";
      counts.open++;
      if (hello !== "-") socket.write(maskedFrame(1, hello));
    }
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      rest = rest.subarray(frame.total);
      if (frame.opcode === 8) return void socket.destroy();
      if (frame.opcode === 9) socket.write(maskedFrame(10, frame.payload));
      else take(socket, frame.payload, now);
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    if (state === "open") {
      counts.open--;
      if (sockets[index] === socket) counts.lost++;
    } else counts.failed++;
    state = "over";
  });
}

function take(socket: Socket, payload: Buffer, now: bigint): void {
  const text = payload.toString("latin1");
  if (text === "{}") return void socket.write(maskedFrame(1, "{}"));
  if (text === "2") return void socket.write(maskedFrame(1, "3"));
  const stamp = /@(\d{19})/.exec(text)?.[1];
  if (stamp === undefined) return;
  const published = BigInt(stamp);
  counts.messages++;
  lastOfRound.set(published, now);
  if (latenciesMs.length < MAX_LATENCIES) latenciesMs.push(Number(now - published) / 1e6);
}

async function connectTo(total: number, perSecond: number): Promise<object> {
  const startMs = performance.now();
  const first = sockets.length;
  const deadline = startMs + CONNECT_TIMEOUT_MS + ((total - first) / perSecond) * 1000;
  while (performance.now() < deadline) {
    const due = first + Math.floor(((performance.now() - startMs) / 1000) * perSecond) + 1;
    const connecting = sockets.length - counts.open - counts.lost - counts.failed;
    const room = Math.min(64, MAX_CONNECTING - connecting);
    for (let burst = 0; sockets.length < Math.min(total, due) && burst < room; burst++) begin(sockets.length);
    if (sockets.length === total && counts.open + counts.lost + counts.failed >= total) break;
    await sleep(1);
  }
  return {
    open: counts.open,
    failed: total - counts.open - counts.lost,
    lost: counts.lost,
    ms: performance.now() - startMs,
  };
}

/** Closes the oldest connection and opens another in its place, as often as is due. */
function churn(): void {
  const now = performance.now();
  for (let burst = 0; churning.perSecond > 0 && churning.nextMs <= now && burst < 64; burst++) {
    churning.nextMs += 1000 / churning.perSecond;
    const index = churning.at++ % sockets.length;
    const oldest = sockets[index];
    begin(index);
    oldest?.resetAndDestroy();
  }
}

function reset(): object {
  Object.assign(counts, { lost: 0, messages: 0, bytes: 0 });
  latenciesMs.length = 0;
  lastOfRound.clear();
  Object.assign(since, { cpu: process.cpuUsage(), ms: performance.now() });
  return { reset: true };
}

function report(): object {
  const cpu = process.cpuUsage(since.cpu);
  const elapsedMs = performance.now() - since.ms;
  const sorted = latenciesMs.sort((a, b) => a - b);
  let busyNs = 0n;
  for (const [stamp, last] of lastOfRound) busyNs += last - stamp;
  return {
    ...counts,
    rounds: lastOfRound.size,
    busyMs: Number(busyNs) / 1e6,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    max: sorted.at(-1) ?? 0,
    answers: 0,
    cpuMs: (cpu.user + cpu.system) / 1000,
    elapsedMs,
  };
}

setInterval(churn, 2).unref();
console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, first, second] = line.split(" ");
  if (command === "connect") console.log(JSON.stringify(await connectTo(Number(first), Number(second))));
  else if (command === "reset") console.log(JSON.stringify(reset()));
  else if (command === "count") console.log(JSON.stringify({ messages: counts.messages }));
  else if (command === "report") console.log(JSON.stringify(report()));
  else if (command === "churn") {
    Object.assign(churning, { perSecond: Number(first), nextMs: performance.now() });
    console.log(JSON.stringify({ churn: churning.perSecond }));
  } else break;
}
for (const socket of sockets) socket.resetAndDestroy();
process.exit();
