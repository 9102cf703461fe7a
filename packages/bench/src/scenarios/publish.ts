/**
 * publish: how many publications a second clients get into one channel with a history on Redis, each of them
 * answered. Beside it the same script, called once for each publication by one bare client that pipelines.
 */
import { once } from "node:events";
import { channelTopic } from "@holdfast/core";
import { RunCaller } from "@holdfast/redis/testing";
import { WebSocket } from "ws";
import { COMMANDS_PER_MESSAGE, ours } from "../peers/ours.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import { RedisServer, redisMissing } from "../peers/redis.js";
import type { RunContext, Scenario } from "../scenario.js";
import {
  BARE_SCRIPT,
  CHANNEL,
  CpuWatch,
  HISTORY_FLAGS,
  HISTORY_SIZE,
  numbered,
  REDIS_LOAD_METRICS,
} from "./redis-load.js";

const CLIENTS = [1, 16] as const;
const MESSAGE_BYTES = 100;
/** Publications without an answer: all clients together have so many. */
const UNDER_WAY = 256;
/** Nothing is refused for its rate. */
const RATE_FLAGS = ["--publish-bytes-per-second", "256MiB"];

export const publish: Scenario = {
  name: "publish",
  title: "Publishing by clients into one channel",
  metrics: REDIS_LOAD_METRICS.filter(({ key }) => key !== "outOfOrder"),
  peers: [ours, BARE_SCRIPT],
  defaultRuns: 3,
  async run(context) {
    const absent = redisMissing();
    if (absent !== undefined) return context.missing(ours.name, absent);
    const count = context.quick ? 2_000 : 40_000;
    for (const clients of CLIENTS) {
      const redis = await RedisServer.start();
      try {
        await bare(context, redis, clients, count);
        const options = { workers: 1, redis: redis.url, flags: [...HISTORY_FLAGS, ...RATE_FLAGS] };
        await context.measure(ours, options, (server) => throughOurs(context, redis, server, clients, count));
      } finally {
        await redis.stop();
      }
    }
  },
};

function caseOf(clients: number): string {
  return clients === 1 ? "1 client" : `${clients} clients`;
}

async function bare(context: RunContext, redis: RedisServer, clients: number, count: number): Promise<void> {
  const client = redis.client();
  const caller = new RunCaller(client, { size: HISTORY_SIZE, ttlMs: 300_000 });
  await caller.start();
  const cpu = new CpuWatch(redis, []);
  const startMs = performance.now();
  let sent = 0;
  const pipeline = async (): Promise<void> => {
    while (sent < count)
      await caller.publish(channelTopic(CHANNEL), [
        { data: numbered(sent++, MESSAGE_BYTES), key: undefined },
      ]);
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, pipeline));
  const perSecond = count / ((performance.now() - startMs) / 1000);
  client.disconnect();
  context.record({
    case: caseOf(clients),
    peer: BARE_SCRIPT.name,
    values: { perSecond, redisCpuUs: cpu.each(count).redisCpuUs },
    commands: ["redis-server"],
  });
}

async function throughOurs(
  context: RunContext,
  redis: RedisServer,
  server: PeerServer,
  clients: number,
  count: number,
): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(server)));
  const cpu = new CpuWatch(redis, allProcesses(server));
  const startMs = performance.now();
  const each = count / clients;
  const failed = await Promise.all(sockets.map((socket) => publishAll(socket, each, UNDER_WAY / clients)));
  const perSecond = count / ((performance.now() - startMs) / 1000);
  const refused = failed.reduce((total, some) => total + some, 0);
  for (const socket of sockets) socket.terminate();
  context.record({
    case: caseOf(clients),
    peer: ours.name,
    values: { perSecond, ...cpu.each(count) },
    ...(refused > 0 && { failed: { refused } }),
    commands: ["redis-server", server.command],
  });
}

/** A connection that has connected and listens to nothing. */
async function open(server: PeerServer): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?channels=`, { perMessageDeflate: false });
  await once(socket, "message");
  return socket;
}

/** Resolves with how many were refused when all are answered. */
function publishAll(socket: WebSocket, count: number, underWay: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let [sent, answered, refused] = [0, 0, 0];
    const fill = (): void => {
      const commands: string[] = [];
      for (; sent < count && sent - answered < underWay; sent++) {
        const data = numbered(sent, MESSAGE_BYTES);
        commands.push(`{"id":${sent + 1},"publish":{"channel":"${CHANNEL}","data":${data}}}`);
      }
      for (let at = 0; at < commands.length; at += COMMANDS_PER_MESSAGE)
        socket.send(commands.slice(at, at + COMMANDS_PER_MESSAGE).join("\n"));
    };
    socket.on("close", () => reject(new Error("the gateway closed a connection")));
    socket.on("message", (message) => {
      for (const line of String(message).split("\n")) {
        if (!line.startsWith('{"id":')) continue;
        answered++;
        if (line.includes('"error"')) refused++;
      }
      if (answered === count) resolve(refused);
      else fill();
    });
    fill();
  });
}
