/**
 * A session that moves between two instances belongs to the one that it was resumed on last (ADR 32), also
 * where the other one says its word later: after it was cut off Redis, and after Redis has lost its data.
 *
 * A client that moves leaves its earlier socket open and silent, as a network that is gone does: the earlier
 * worker notices by the answer to its ping that is missing, and lets go of the session then.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import type { Frame } from "./plain-client.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";

jest.setTimeout(90_000);

const ROOM = "room:1";
/** Of the clients that move, in each direction. */
const MOVERS = 8;

let shared: Resources;
let redis: RedisServer;
/** Between the first instance and Redis. */
let relay: TcpRelay;
let first: GatewayProcess;
let second: GatewayProcess;

const startInstance = async (server: string): Promise<GatewayProcess> =>
  shared.add(
    await GatewayProcess.start({
      args: [
        ...["--redis", server, "--workers", "1", "--ping-interval", "2s", "--pong-timeout", "1s"],
        ...["--presence-lease", "1500ms", "--presence-grace", "500ms", "--drain-window", "1s"],
        ...["--namespaces", JSON.stringify({ room: { presence: true } })],
      ],
    }),
  );

beforeEach(async () => {
  shared = new Resources();
  redis = shared.add(await RedisServer.start());
  relay = shared.add(await TcpRelay.start([redis.port]));
  first = await startInstance(`redis://127.0.0.1:${relay.port}`);
  second = await startInstance(redis.url);
});
afterEach(() => shared.close());

/** A client of the room, whose connections stay open until the gateway ends them. */
class Mover {
  session = "";
  #resume: { sid: string; token: string } | undefined;
  #socket: WebSocket | undefined;
  /** Connections that it has left, until they are ended. */
  left = 0;

  static async at(gateway: GatewayProcess): Promise<Mover> {
    const mover = new Mover();
    await mover.move(gateway);
    return mover;
  }

  /** Goes on there; its connection before is silent from now on. */
  move(gateway: GatewayProcess): Promise<void> {
    if (this.#socket !== undefined) this.left++;
    const socket = new WebSocket(gateway.ws());
    this.#socket = socket;
    shared.add({ close: async () => socket.terminate() });
    const resume = this.#resume === undefined ? {} : { resume: this.#resume };
    socket.on("open", () =>
      socket.send(JSON.stringify({ id: 1, connect: { ...resume, subs: { [ROOM]: null } } })),
    );
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#socket !== socket) this.left--;
    });
    const connected = new Promise<void>((resolve, reject) => {
      socket.on("message", (data) => {
        for (const line of String(data).split("\n")) {
          const frame = JSON.parse(line) as Frame;
          if (Object.keys(frame).length === 0 && this.#socket === socket) socket.send("{}");
          if (frame.id !== 1) continue;
          const { sid, resumeToken, resumed, subs } = frame.connect;
          if (subs[ROOM].error !== undefined || resumed !== (resume.resume !== undefined))
            return reject(new Error(`not as expected: ${line}`));
          this.#resume = { sid, token: resumeToken };
          this.session = sid.slice(4);
          resolve();
        }
      });
    });
    return within(connected, "an answer to connect");
  }
}

async function members(): Promise<string[]> {
  const { text } = await second.adminGet(`/api/presence?channel=${ROOM}&limit=1000`);
  const { members } = JSON.parse(text) as { members: { session: string }[] };
  return members.map(({ session }) => session).sort();
}

const sessionsOf = (movers: readonly Mover[]): string[] => movers.map(({ session }) => session).sort();

async function memberCount(gateway: GatewayProcess): Promise<number> {
  const { text } = await gateway.adminGet("/metrics");
  return Number(/^holdfast_presence_members(?:\{.*\})? (\d+)$/m.exec(text)?.[1]);
}

/**
 * Until both instances have let go of what they have lost, and have told the store. A worker tells it one
 * thing after the other: when a new client is there, what was said before it is done.
 */
async function settled(there: Mover[], counts: readonly [number, number]): Promise<void> {
  await eventually("silent connections are ended", () => there.every(({ left }) => left === 0));
  for (const [at, gateway] of [first, second].entries()) {
    const count = counts[at];
    await eventually("lost sessions are let go of", async () => (await memberCount(gateway)) === count);
    const marker = await Mover.at(gateway);
    there.push(marker);
    await eventually("the marker is there", async () => (await members()).includes(marker.session));
  }
}

test("a worker that was cut off Redis does not take back a session that has gone on elsewhere", async () => {
  const [resident, client] = [await Mover.at(first), await Mover.at(second)];
  const there = [resident, client];
  await eventually("both are there", async () => (await members()).length === 2);
  relay.away();
  await eventually("the first instance knows", async () => (await first.adminGet("/readyz")).status !== 200);
  await client.move(first);
  await client.move(second);
  relay.back();
  await settled(there, [1, 1]);
  expect(await members()).toEqual(sessionsOf(there));
});

test("after Redis has lost its data each session is its newer worker's", async () => {
  const there: Mover[] = [];
  for (let i = 0; i < MOVERS; i++) there.push(await Mover.at(first), await Mover.at(second));
  await eventually("all are there", async () => (await members()).length === there.length);
  await Promise.all(there.map((mover, at) => mover.move(at % 2 === 0 ? second : first)));
  const admin = new Redis(redis.port, "127.0.0.1");
  await admin.flushall();
  admin.disconnect();
  await settled(there, [MOVERS, MOVERS]);
  expect(await members()).toEqual(sessionsOf(there));
});
