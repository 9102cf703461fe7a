import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { hangUp } from "./hang-up.js";

/** Answers the first commands of a link as Redis does, and publications never. */
function answer(socket: Socket, lines: readonly string[]): void {
  for (const line of lines) {
    if (/^hello$/i.test(line)) socket.write("%1\r\n$5\r\nproto\r\n:3\r\n");
    else if (/^role$/i.test(line)) socket.write("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    else if (/^(script|client)$/i.test(line)) socket.write("$2\r\nOK\r\n");
    else if (/^time$/i.test(line)) socket.write("*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n");
    else if (/^ping$/i.test(line)) socket.write("+PONG\r\n");
    // Whether it hides its replication id.
    else if (/^evalsha$/i.test(line)) socket.write(":1\r\n");
    else if (/^info$/i.test(line)) socket.write("$19\r\nredis_version:7.2.0\r\n");
  }
}

test("a publication without an answer resets the connection on which it waits", async () => {
  const ends: (string | undefined)[] = [];
  const server = createServer((socket) => {
    let isPublisher = false;
    let unfinished = "";
    socket.on("data", (bytes) => {
      const lines = (unfinished + bytes.toString()).split("\r\n");
      unfinished = lines.pop() ?? "";
      isPublisher ||= lines.includes("holdfast:broadcast");
      // An answer to what follows, such as a ping, would be taken for the answer to the publication.
      if (!isPublisher) answer(socket, lines);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (isPublisher) ends.push(error.code);
    });
    socket.on("end", () => {
      if (isPublisher) ends.push("in order");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const broker = new SeamsOnRedis(
    {
      target: parseRedisUrl(`redis://127.0.0.1:${port}`) as RedisTarget,
      commandTimeoutMs: 300,
      // A busy machine may need several attempts to open the link.
      minRetryDelayMs: 50,
      maxRetryDelayMs: 50,
    },
    { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: () => 0.5 },
  ).broker;
  try {
    await new Promise<void>((resolve) =>
      broker.start({ publication: () => {}, state: (state) => state === "ready" && resolve() }),
    );
    await expect(broker.publish("broadcast", "late")).rejects.toThrow("no answer within 300 ms");
    while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(ends).toEqual(["ECONNRESET"]);
  } finally {
    await broker.close();
    server.close();
  }
});

test("a connection that many calls hang up on gathers no listeners", async () => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const raw = new Redis({ port, retryStrategy: null, enableReadyCheck: false, disableClientInfo: true });
  raw.on("error", () => {});
  try {
    await once(raw, "connect");
    const ended = once(raw, "end");
    hangUp(raw);
    const listeners = raw.stream.listenerCount("close");
    for (let i = 0; i < 30; i++) hangUp(raw);
    expect(raw.stream.listenerCount("close")).toBe(listeners);
    await ended;
  } finally {
    raw.disconnect();
    server.close();
  }
});
