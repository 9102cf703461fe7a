/**
 * Revoked at once, everywhere, and also where a worker could not be told: two instances on one Redis, one of
 * them behind a network that can be cut; and one instance without Redis.
 */
import { disconnects } from "@holdfast/protocol";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";
import { SECRET, tokenOf } from "./tokens.js";

jest.setTimeout(90_000);

const AUTH = ["--jwt-leeway", "2s", "--jwt-secret", SECRET];
const REVOKED = disconnects.revoked.code;

const own = new Resources();
afterEach(() => own.close());

/** The answer to `connect` with this token. */
async function answerOf(gateway: GatewayProcess, token: string) {
  const client = own.add(await PlainClient.connect(gateway.ws()));
  return { client, frame: await client.command("connect", { token }) };
}

async function connected(gateway: GatewayProcess, token: string) {
  const { client, frame } = await answerOf(gateway, token);
  const { connect } = frame;
  expect(frame).toHaveProperty("connect");
  return Object.assign(client, { sid: String(connect.sid), resumeToken: String(connect.resumeToken) });
}

async function refused(gateway: GatewayProcess, token: string): Promise<void> {
  const { frame } = await answerOf(gateway, token);
  expect(frame).toMatchObject({ error: { name: "token_revoked" } });
}

/** Clients until both workers of the instance have some. */
async function onBothWorkers(gateway: GatewayProcess, token: string): Promise<PlainClient[]> {
  const clients: PlainClient[] = [];
  const workers = new Set<string>();
  await eventually("both workers have a client", async () => {
    const client = await connected(gateway, token);
    clients.push(client);
    workers.add(client.sid.slice(0, 4));
    return workers.size === 2;
  });
  return clients;
}

/** As if issued a minute ago. */
const old = (user: string, claims: object = {}) =>
  tokenOf(user, { iat: Math.floor(Date.now() / 1000) - 60, ...claims });

describe("in a cluster", () => {
  const shared = new Resources();
  let redis: RedisServer;
  let relay: TcpRelay;
  let first: GatewayProcess;
  let second: GatewayProcess;
  let backend: RedisPublisher;

  beforeAll(async () => {
    redis = shared.add(await RedisServer.start());
    relay = shared.add(await TcpRelay.start([redis.port]));
    [first, second] = await Promise.all([
      GatewayProcess.start({ args: ["--redis", redis.url, ...AUTH] }).then((each) => shared.add(each)),
      GatewayProcess.start({ args: ["--redis", `redis://127.0.0.1:${relay.port}`, ...AUTH] }).then((each) =>
        shared.add(each),
      ),
    ]);
    backend = shared.add(await RedisPublisher.connect(redis.port));
  });
  afterAll(() => shared.close());

  test("a user revoked on one instance is gone from both, and refused on both; a new token is good", async () => {
    const token = old("ann");
    const clients = [...(await onBothWorkers(first, token)), ...(await onBothWorkers(second, token))];
    const other = await connected(second, old("bob"));
    const { status, text } = await first.adminPost("/api/revoke", { user: "ann" });
    expect([status, text]).toEqual([200, expect.stringContaining("until")]);
    for (const client of clients) expect((await client.closed).code).toBe(REVOKED);
    await refused(first, token);
    await refused(second, token);
    // One from an issuer whose clock is ahead may have been issued before, too.
    const { loginFrom } = JSON.parse(text) as { loginFrom: number };
    await refused(first, tokenOf("ann", { iat: loginFrom / 1000 - 1 }));
    await eventually("a login from `loginFrom` on", async () => {
      const { frame } = await answerOf(second, tokenOf("ann", { iat: loginFrom / 1000 }));
      return frame.connect !== undefined;
    });
    expect(other.ending).toBeUndefined();
  });

  test("a token and a session: by id, also by a bare PUBLISH, and the resume token with it", async () => {
    const one = old("cat", { jti: "t-1" });
    const client = await connected(first, one);
    const rest = await connected(first, old("cat", { jti: "t-2" }));
    expect(await backend.publish("holdfast:control", '{"op":"revoke","token":"t-1"}')).toBe(4);
    expect((await client.closed).code).toBe(REVOKED);
    await refused(second, one);
    await second.adminPost("/api/revoke", { session: rest.sid });
    expect((await rest.closed).code).toBe(REVOKED);
    const back = own.add(await PlainClient.connect(second.ws()));
    const frame = await back.command("connect", { resume: { sid: rest.sid, token: rest.resumeToken } });
    expect(frame).toMatchObject({ error: { name: "token_revoked" } });
  });

  test("an instance that was away during the revocation refuses after it is back, and ends what is open", async () => {
    const token = old("dan", { jti: "away-1" });
    const client = await connected(second, token);
    relay.away();
    await second.notReady();
    const cli = own.add(
      Program.holdfast(["disconnect", "--token", "away-1", "--revoke", "--redis", redis.url]),
    );
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    await refused(first, token);
    expect(client.ending).toBeUndefined();
    relay.back();
    await second.ready(30_000);
    expect((await client.closed).code).toBe(REVOKED);
    await refused(second, token);
  });

  test("an instance that starts later knows it from its first moment", async () => {
    const token = old("eve", { jti: "early-1" });
    await first.adminPost("/api/revoke", { token: "early-1" });
    const late = own.add(await GatewayProcess.start({ args: ["--redis", redis.url, ...AUTH] }));
    await refused(late, token);
  });

  test("a Redis that lost it gets it back from workers that know it", async () => {
    const token = old("fay", { jti: "lost-1" });
    await first.adminPost("/api/revoke", { token: "lost-1" });
    await refused(second, token);
    await redis.kill();
    await redis.restart();
    await Promise.all([first.ready(30_000), second.ready(30_000)]);
    const late = own.add(await GatewayProcess.start({ args: ["--redis", redis.url, ...AUTH] }));
    // It may have started before the others brought it back; then it was told.
    await eventually("the new instance refuses", async () => {
      const { frame } = await answerOf(late, token);
      return frame.error?.name === "token_revoked";
    });
  });

  test("orders reach a user everywhere: channels given and taken, a message, a disconnect that may come back", async () => {
    const backendNow = own.add(await RedisPublisher.connect(redis.port));
    const clients = [await connected(first, tokenOf("gus")), await connected(second, tokenOf("gus"))];
    const stranger = await connected(first, tokenOf("hal"));
    await first.adminPost("/api/subscribe", { user: "gus", channel: "news" });
    for (const client of clients) expect(await client.next()).toEqual({ subscribed: { channel: "news" } });
    await second.publish("news", 1);
    for (const client of clients) expect(await client.next()).toMatchObject({ publication: { data: 1 } });
    await backendNow.publish("holdfast:control", '{"op":"unsubscribe","user":"gus","channel":"news"}');
    for (const client of clients)
      expect(await client.next()).toEqual({ unsubscribed: { channel: "news", code: REVOKED } });
    await second.adminPost("/api/message", { user: "gus", data: "psst" });
    for (const client of clients) expect(await client.next()).toEqual({ message: { data: "psst" } });
    await second.adminPost("/api/disconnect", { user: "gus", reason: "moved" });
    for (const client of clients) {
      expect(await client.next()).toEqual({
        disconnect: { code: disconnects.disconnected.code, reason: "moved", reconnect: true },
      });
    }
    expect(stranger.all).toHaveLength(1);
    // Malformed ones change nothing, are counted and shown.
    await backendNow.publish("holdfast:control", '{"op":"dance"}');
    await first.logged(({ msg, sample }) => msg === "rejected an order" && sample === '{"op":"dance"}');
    await connected(first, tokenOf("gus"));
  });
});

describe("without Redis", () => {
  test("what is revoked is refused by every worker, also by one that starts later", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: AUTH }));
    const token = old("ann", { jti: "e-1" });
    const clients = await onBothWorkers(gateway, token);
    const cli = own.add(
      Program.holdfast(["disconnect", "--user", "ann", "--revoke", "--admin", gateway.admin]),
    );
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    for (const client of clients) expect((await client.closed).code).toBe(REVOKED);
    const before = gateway.workerPids();
    for (const pid of before) process.kill(pid, "SIGKILL");
    await eventually(
      "all workers are new",
      () => gateway.workerPids().length === 2 && gateway.workerPids().every((pid) => !before.includes(pid)),
    );
    await gateway.ready();
    for (let n = 0; n < 6; n++) await refused(gateway, token);
  });
});
