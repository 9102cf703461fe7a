/**
 * The storm client without a compiler, and over TLS (a last argument `tls`): the arguments, requests and
 * answers of native/storm.c, in one Node process.
 *
 * A few thousand handshakes a second at most. Its CPU share in the output shows when it was the bottleneck.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectSecurely } from "node:tls";
import { quantile } from "../statistics.js";
import { handshakeRequest, handshakeStatus } from "./handshake.js";

interface Result {
  status: string;
  connectMs: number;
  dueMs: number;
  doneMs: number;
}

const [port, count, rate, , timeoutMs] = process.argv.slice(2, 7).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const [target = "/", sidsIn = "-", sidsOut = "-", tls] = process.argv.slice(7);
const SOURCES = 8;
const SID = /"sid":"([\w-]{20})"/;

const sids = sidsIn === "-" ? undefined : readFileSync(sidsIn, "latin1").split("\n");
const announced: string[] = [];
const sockets: Socket[] = [];
const results: Result[] = [];

function handshake(index: number, startMs: number, done: () => void): void {
  const beganMs = performance.now();
  const to = { port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (index % SOURCES)}` };
  const socket = tls === "tls" ? connectSecurely({ ...to, rejectUnauthorized: false }) : connect(to);
  sockets.push(socket);
  let answer = "";
  const finish = (status: string): void => {
    if (results[index] !== undefined) return;
    const now = performance.now();
    const dueMs = startMs + (index / rate) * 1000;
    results[index] = { status, connectMs: now - beganMs, dueMs: now - dueMs, doneMs: now - startMs };
    if (status !== "101") socket.destroy();
    done();
  };
  socket.setEncoding("latin1");
  socket.on(tls === "tls" ? "secureConnect" : "connect", () => {
    const sid = sids?.[index];
    socket.write(handshakeRequest(sid === undefined ? target : `${target}&sid=${sid}`, port));
  });
  socket.on("data", (chunk: string) => {
    if (results[index] !== undefined) return;
    answer += chunk;
    const status = handshakeStatus(answer);
    const sid = SID.exec(answer)?.[1];
    if (status === undefined || (status === "101" && sidsOut !== "-" && sid === undefined)) return;
    if (sid !== undefined) announced.push(sid);
    finish(status);
  });
  socket.on("error", (error: NodeJS.ErrnoException) =>
    finish(error.code === "ECONNRESET" ? "reset" : "connect"),
  );
  socket.on("close", () => finish("closed"));
}

async function storm(): Promise<void> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  let finished = 0;
  let begun = 0;
  while (finished < count && performance.now() - startMs < timeoutMs) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) / 1000) * rate) + 1);
    for (let burst = 0; begun < due && burst < 64; burst++) handshake(begun++, startMs, () => finished++);
    await sleep(begun < due ? 0 : 1);
  }
  const cpu = process.cpuUsage(cpuBefore);
  if (sidsOut !== "-") writeFileSync(sidsOut, `${announced.join("\n")}\n`);
  console.log(JSON.stringify(figures((cpu.user + cpu.system) / 1000)));
}

function figures(cpuMs: number): object {
  const good = results.filter((result) => result?.status === "101");
  const sorted = (of: (result: Result) => number): number[] => good.map(of).sort((a, b) => a - b);
  const connectMs = sorted((result) => result.connectMs);
  const dueMs = sorted((result) => result.dueMs);
  const failed: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const reason = results[i]?.status ?? "timeout";
    if (reason !== "101") failed[reason] = (failed[reason] ?? 0) + 1;
  }
  return {
    ok: good.length,
    elapsedMs: good.reduce((last, { doneMs }) => Math.max(last, doneMs), 0),
    p50: quantile(connectMs, 0.5),
    p99: quantile(connectMs, 0.99),
    max: connectMs.at(-1) ?? 0,
    dueP50: quantile(dueMs, 0.5),
    dueP99: quantile(dueMs, 0.99),
    cpuMs,
    failed,
  };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log('{"ready":true}');
if ((await lines.next()).done !== true) {
  await storm();
  await lines.next();
}
for (const socket of sockets) socket.resetAndDestroy();
process.exit();
