/**
 * Identities and what follows from them, as clients of a private gateway see it.
 */
import { type DecodedFrame, disconnects, errors } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { channelTopic, userTopic } from "../broker/topic.js";
import { CoreWorld, type FakeClient, type Request } from "../testing/core-world.js";
import { FakeTransport } from "../testing/fake-transport.js";
import type { Identity } from "./identity.js";

const OPTIONS = {
  access: "private",
  refreshWindowMs: 30_000,
  // No client here answers pings.
  pingIntervalMs: 3_600_000,
  maxChannels: 3,
  namespaces: { open: { public: true, clientPublish: true }, past: { historySize: 10 } },
} as const;

let bus: MemoryBus;
let world: CoreWorld;
let other: CoreWorld;

beforeEach(async () => {
  bus = new MemoryBus();
  world = new CoreWorld(new MemoryBroker(bus), OPTIONS);
  other = new CoreWorld(new MemoryBroker(bus), OPTIONS, { slot: 1, generation: 1 });
  for (const each of [world, other]) {
    each.tokens.knows("ada", ada());
    each.tokens.knows("bob", { user: "bob" });
  }
  await settle();
});

function ada(more: Identity = {}): Identity {
  return { user: "ada", permissions: [{ match: "room:*", verbs: ["subscribe", "history"] }], ...more };
}

/** `ms` from now. */
const after = (ms: number): number => world.clock.now() + ms;

async function settle(): Promise<void> {
  await world.settle();
  await other.settle();
}

interface Said {
  readonly reply?: Record<string, unknown>;
  readonly error?: { readonly name: string };
}

/** Sends a command, and reads its answer. */
async function ask(client: FakeClient, request: Request): Promise<Said> {
  const id = client.send(request);
  await settle();
  for (const frame of client.take()) {
    if (frame.kind === "reply" && frame.id === id) return { reply: frame.body as Record<string, unknown> };
    if (frame.kind === "error" && frame.id === id) return { error: frame.error };
  }
  return {};
}

const connect = (client: FakeClient, body: Extract<Request, { op: "connect" }>["body"]): Promise<Said> =>
  ask(client, { op: "connect", body });

async function connected(token: string, subs?: Record<string, null>): Promise<FakeClient> {
  const client = world.client();
  const said = await connect(client, { token, ...(subs && { subs }) });
  expect(said.reply).toBeDefined();
  return client;
}

const pushes = (client: FakeClient): unknown[] =>
  client
    .take()
    .filter((frame): frame is Extract<DecodedFrame, { kind: "push" }> => frame.kind === "push")
    .map(({ op, body }) => ({ [op]: body }));

describe("a connect", () => {
  test("with a token begins a session of its user, and says until when", async () => {
    world.tokens.knows("t", ada({ expiresAt: after(60_000) }));
    const { reply } = await connect(world.client(), { token: "t" });
    expect(reply).toMatchObject({ user: "ada", expiresAt: after(60_000), resumed: false });
  });

  test("without a token is refused, and may come again with one", async () => {
    const client = world.client();
    expect((await connect(client, {})).error).toEqual(errors.unauthorized);
    expect((await connect(client, { token: "forged" })).error).toEqual(errors.badToken);
    expect((await connect(client, { token: "ada" })).reply).toMatchObject({ user: "ada" });
    expect(world.metrics.count("tokens_refused")).toBe(1);
  });

  test("without a token is let in where the gateway says so, to what is public", async () => {
    world = new CoreWorld(new MemoryBroker(bus), { ...OPTIONS, anonymous: true });
    await settle();
    const { reply } = await connect(world.client(), { subs: { "open:1": null, "room:1": null } });
    expect(reply).not.toHaveProperty("user");
    expect(reply?.subs).toMatchObject({
      "open:1": {},
      "room:1": { error: expect.objectContaining({ name: "forbidden" }) },
    });
  });

  test("that comes while the first waits for its token is refused behind its answer", async () => {
    const client = world.client();
    const first = client.send({ op: "connect", body: { token: "ada" } });
    client.send({ op: "connect", body: { token: "bob" } });
    await settle();
    // The second one waits as any command behind a connect does.
    expect(client.take()).toMatchObject([
      { kind: "reply", id: first, body: { user: "ada" } },
      { kind: "error", error: errors.alreadyConnected },
    ]);
  });

  test("whose connection ends while its token is checked leaves nothing behind", async () => {
    const client = world.client();
    client.send({ op: "connect", body: { token: "ada" } });
    client.gone();
    await settle();
    expect(world.core.topics).toBe(0);
    expect(world.core.connections).toBe(0);
  });

  test("is the token's of the request's head, unless it brings one itself", async () => {
    const who = await world.core.authenticate("ada");
    const identity = "identity" in who ? who.identity : undefined;
    const open = (): FakeClient => {
      const client = world.client();
      return Object.assign(client, {
        connection: world.core.open(client.transport, "lines", undefined, identity),
      });
    };
    expect((await connect(open(), {})).reply).toMatchObject({ user: "ada" });
    expect((await connect(open(), { token: "bob" })).reply).toMatchObject({ user: "bob" });
  });

  test("ends with a token that ran out on the way", async () => {
    const identity = ada({ expiresAt: after(1_000) });
    const transport = new FakeTransport();
    const connection = world.core.open(transport, "lines", undefined, identity);
    await world.pass(1_000);
    connection.receive('{"id":1,"connect":{}}');
    expect(transport.takeFrames()).toMatchObject([{ kind: "error", error: errors.tokenExpired }]);
  });
});

describe("a URL", () => {
  test("connects as who its request was proven to be, with the channels of the token", async () => {
    const identity = ada({ subs: ["news"], expiresAt: after(60_000) });
    const transport = new FakeTransport();
    world.core.open(transport, "objects", ["room:1"], identity);
    await settle();
    expect(transport.takeFrames()).toMatchObject([
      { op: "connect", body: { user: "ada", expiresAt: after(60_000), subs: { news: {}, "room:1": {} } } },
    ]);
  });

  test("is not admitted without what its channels need", () => {
    const { core } = world;
    expect(core.admit(["room:1"])).toEqual(errors.unauthorized);
    expect(core.admit(["room:1"], { identity: ada() })).toBeUndefined();
    expect(core.admit(["user:bob"], { identity: ada() })).toMatchObject({ name: "forbidden" });
    expect(core.admit(["news"], { identity: ada() })).toMatchObject({ name: "forbidden" });
    expect(core.admit(undefined)).toBeUndefined();
  });
});

describe("verbs", () => {
  test("are asked for one by one", async () => {
    const client = await connected("ada");
    const publish = { op: "publish", body: { channel: "room:1", data: 1 } } as const;
    expect((await ask(client, { op: "subscribe", body: { channel: "room:1" } })).error).toBeUndefined();
    expect((await ask(client, publish)).error).toMatchObject({ name: "forbidden" });
    expect((await ask(client, { op: "history", body: { channel: "room:1" } })).error).toEqual(
      errors.noHistory,
    );
    expect((await ask(client, { op: "history", body: { channel: "past:1" } })).error).toMatchObject({
      name: "forbidden",
    });
    expect((await ask(client, { op: "subscribe", body: { channel: "user:bob" } })).error).toMatchObject({
      name: "forbidden",
    });
    expect((await ask(client, { op: "subscribe", body: { channel: "user:ada" } })).error).toBeUndefined();
  });
});

describe("messages to a user", () => {
  test("reach all connections of that user, on every worker, and no others", async () => {
    const here = [await connected("ada"), await connected("ada")];
    const there = other.client();
    await connect(there, { token: "ada" });
    const bob = await connected("bob");
    bus.publish(userTopic("ada"), '"hello"', {});
    await settle();
    for (const client of [...here, there]) expect(pushes(client)).toEqual([{ message: { data: "hello" } }]);
    expect(pushes(bob)).toEqual([]);
  });

  test("cost no channel, and the last connection gives the topic back", async () => {
    const client = await connected("ada", { "room:1": null, "room:2": null, "room:3": null });
    expect(world.core.topics).toBe(4);
    expect((await ask(client, { op: "subscribe", body: { channel: "room:4" } })).error).toEqual(
      errors.limitChannels,
    );
    client.gone();
    await settle();
    expect(world.core.topics).toBe(0);
  });
});

describe("server-side subscriptions", () => {
  test("are there with the answer, and the client may bring a position for one", async () => {
    world.tokens.knows("t", ada({ subs: ["news", "past:1"] }));
    const { reply } = await connect(world.client(), {
      token: "t",
      subs: { "past:1": { offset: 0, epoch: "x" } },
    });
    expect(reply?.subs).toMatchObject({ news: {}, "past:1": { recovered: false } });
  });
});

describe("a token's end", () => {
  test("is announced, and then carried out", async () => {
    world.tokens.knows("t", ada({ expiresAt: after(60_000) }));
    const client = await connected("t");
    await world.pass(29_000);
    expect(pushes(client)).toEqual([]);
    await world.pass(3_000);
    expect(pushes(client)).toEqual([{ refresh: { deadline: expect.any(Number) } }]);
    await world.pass(27_000);
    expect(pushes(client)).toEqual([]);
    await world.pass(3_000);
    expect(pushes(client)).toEqual([
      { disconnect: expect.objectContaining({ code: disconnects.expired.code }) },
    ]);
  });

  test("moves with a refresh, of the same user only", async () => {
    world.tokens.knows("t", ada({ expiresAt: after(60_000) }));
    world.tokens.knows("t2", ada({ expiresAt: after(600_000) }));
    const client = await connected("t");
    const refresh = (token: string): Promise<Said> => ask(client, { op: "refresh", body: { token } });
    expect((await refresh("bob")).error).toEqual(errors.wrongUser);
    expect((await refresh("forged")).error).toEqual(errors.badToken);
    expect((await refresh("t2")).reply).toMatchObject({
      expiresAt: after(600_000),
      resumeToken: expect.any(String),
    });
    await world.pass(120_000);
    expect(pushes(client)).toEqual([]);
  });

  test("leaves nothing behind of a connection that went before", async () => {
    world.tokens.knows("t", ada({ expiresAt: after(60_000) }));
    const client = await connected("t");
    client.gone();
    await world.pass(120_000);
    expect(client.take()).toEqual([]);
  });

  test("that is the same for very many is spread over ticks, and reaches all", async () => {
    world.tokens.knows("t", { user: "ada", expiresAt: after(10_000) });
    const clients: FakeClient[] = [];
    for (let i = 0; i < 5_000; i++) {
      const client = world.client();
      client.send({ op: "connect", body: { token: "t" } });
      clients.push(client);
    }
    await settle();
    await world.pass(12_000);
    expect(clients.filter(({ transport }) => transport.end === undefined)).toEqual([]);
  });
});

describe("a refresh with other rights", () => {
  test("takes away what is not allowed any more, and tells so", async () => {
    world.tokens.knows("less", { user: "ada", permissions: [{ match: "room:2", verbs: ["subscribe"] }] });
    const client = await connected("ada", { "room:1": null, "room:2": null, "open:1": null });
    client.send({ op: "refresh", body: { token: "less" } });
    await settle();
    expect(pushes(client)).toEqual([
      { unsubscribed: { channel: "room:1", code: disconnects.forbidden.code } },
    ]);
    bus.publish(channelTopic("room:1"), "1", {});
    bus.publish(channelTopic("room:2"), "2", {});
    await settle();
    expect(pushes(client)).toMatchObject([{ publication: { channel: "room:2" } }]);
  });
});

describe("a subscription token", () => {
  const subscribe = (client: FakeClient, token: string, channel = "vip:1"): Promise<Said> =>
    ask(client, { op: "subscribe", body: { channel, token } });

  beforeEach(() => {
    world.tokens.grants("vip", "ada", { channel: "vip:1", verbs: ["subscribe"], expiresAt: after(60_000) });
  });

  test("allows its channel to its user, and nothing else to any client", async () => {
    world.tokens.grants("theirs", "ada", { channel: "user:bob", verbs: ["subscribe"] });
    const client = await connected("ada");
    expect((await subscribe(client, "vip", "vip:2")).error).toMatchObject({ name: "forbidden" });
    expect((await subscribe(client, "theirs", "user:bob")).error).toMatchObject({ name: "forbidden" });
    expect((await subscribe(client, "vip")).reply).toEqual({});
    expect((await ask(client, { op: "history", body: { channel: "vip:1" } })).error).toMatchObject({
      name: "forbidden",
    });
    expect((await subscribe(await connected("bob"), "vip")).error).toEqual(errors.wrongUser);
  });

  test("that allows another verb alone is no subscription, and leaves nothing behind", async () => {
    world.tokens.grants("publish", "ada", { channel: "vip:1", verbs: ["publish"] });
    const client = await connected("ada");
    expect((await subscribe(client, "publish")).error).toMatchObject({ name: "forbidden" });
    expect(client.connection.session?.identity.grants).toBeUndefined();
  });

  test("is no identity, and an identity is no subscription token", async () => {
    expect((await connect(world.client(), { token: "vip" })).error).toMatchObject({ name: "bad_token" });
    expect((await subscribe(await connected("ada"), "ada")).error).toMatchObject({ name: "bad_token" });
  });

  test("costs a command each in connect, and is not looked at beyond what the connection can pay", async () => {
    world = new CoreWorld(new MemoryBroker(bus), { ...OPTIONS, commandRate: 7, maxChannels: 30 });
    world.tokens.knows("ada", ada());
    await settle();
    const names = Array.from({ length: 45 }, (_, i) => `vip:${i}`);
    for (const channel of names)
      world.tokens.grants(channel, "ada", { channel, verbs: ["subscribe"], expiresAt: after(60_000) });
    const subs = Object.fromEntries(names.map((channel) => [channel, { token: channel }]));
    const { reply } = await connect(world.client(), { token: "ada", subs });
    const outcomes = Object.values(reply?.subs as Record<string, { error?: { name: string } }>);
    // The connect itself cost one of fourteen, and its fifteen channels too many a tenth each.
    const count = (name?: string): number => outcomes.filter(({ error }) => error?.name === name).length;
    expect([count(), count("limit_rate"), count("limit_channels")]).toEqual([11, 19, 15]);
    expect(world.tokens.asked).toBe(12);
  });

  test("works in connect, too", async () => {
    const { reply } = await connect(world.client(), {
      token: "ada",
      subs: { "vip:1": { token: "vip" }, "vip:2": { token: "vip" }, "room:1": null },
    });
    expect(reply?.subs).toEqual({
      "vip:1": {},
      "vip:2": { error: expect.objectContaining({ name: "forbidden" }) },
      "room:1": {},
    });
  });

  test("ends its subscription alone, after an announcement", async () => {
    const client = await connected("ada");
    await subscribe(client, "vip");
    await world.pass(32_000);
    expect(pushes(client)).toEqual([{ refresh: { channel: "vip:1", deadline: expect.any(Number) } }]);
    await world.pass(30_000);
    expect(pushes(client)).toEqual([{ unsubscribed: { channel: "vip:1", code: disconnects.expired.code } }]);
    expect((await ask(client, { op: "unsubscribe", body: { channel: "vip:1" } })).error).toEqual(
      errors.notSubscribed,
    );
  });

  test("is renewed by a refresh, and outlives that of the connection", async () => {
    world.tokens.grants("vip2", "ada", { channel: "vip:1", verbs: ["subscribe"], expiresAt: after(600_000) });
    const client = await connected("ada");
    const refresh = (token: string): Promise<Said> => ask(client, { op: "refresh", body: { token } });
    expect((await refresh("vip2")).error).toEqual(errors.notSubscribed);
    await subscribe(client, "vip");
    expect((await refresh("vip2")).reply).toEqual({ expiresAt: after(600_000) });
    expect((await refresh("ada")).reply).toBeDefined();
    await world.pass(120_000);
    expect(pushes(client)).toEqual([]);
  });

  test("is forgotten with its subscription", async () => {
    const client = await connected("ada");
    await subscribe(client, "vip");
    await ask(client, { op: "unsubscribe", body: { channel: "vip:1" } });
    expect((await ask(client, { op: "subscribe", body: { channel: "vip:1" } })).error).toMatchObject({
      name: "forbidden",
    });
    expect(client.connection.session?.identity.grants).toBeUndefined();
  });
});

describe("a resume", () => {
  const resumeOf = ({ reply }: Said): { sid: string; token: string } => ({
    sid: reply?.sid as string,
    token: reply?.resumeToken as string,
  });

  test("brings the identity along, to any worker", async () => {
    const first = world.client();
    const said = await connect(first, { token: "ada", subs: { "room:1": null } });
    first.gone();
    const { reply } = await connect(other.client(), {
      resume: resumeOf(said),
      subs: { "room:1": null, news: null },
    });
    expect(reply).toMatchObject({
      resumed: true,
      user: "ada",
      subs: { "room:1": {}, news: { error: expect.objectContaining({ name: "forbidden" }) } },
    });
  });

  test("of another client's session begins a session of one's own", async () => {
    const said = await connect(world.client(), { token: "ada" });
    const { reply } = await connect(world.client(), { token: "bob", resume: resumeOf(said) });
    expect(reply).toMatchObject({ resumed: false, user: "bob" });
    expect(String(reply?.sid).slice(4)).not.toBe(String(said.reply?.sid).slice(4));
  });

  test("with the session id of one and the token of another proves nothing", async () => {
    const mine = await connect(world.client(), { token: "bob" });
    const theirs = await connect(world.client(), { token: "ada" });
    const stolen = { sid: theirs.reply?.sid as string, token: mine.reply?.resumeToken as string };
    expect((await connect(world.client(), { resume: stolen })).error).toEqual(errors.unauthorized);
  });

  test("is good no longer than the token was", async () => {
    for (const each of [world, other]) each.tokens.knows("t", ada({ expiresAt: after(60_000) }));
    const said = await connect(world.client(), { token: "t" });
    await world.pass(61_000);
    expect((await connect(world.client(), { resume: resumeOf(said) })).error).toEqual(errors.unauthorized);
  });

  test("of an anonymous session lets no client in where tokens are needed", async () => {
    const open = new CoreWorld(new MemoryBroker(bus), { ...OPTIONS, anonymous: true });
    await open.settle();
    const said = await connect(open.client(), {});
    await open.settle();
    expect((await connect(world.client(), { resume: resumeOf(said) })).error).toEqual(errors.unauthorized);
  });
});

describe("an open gateway", () => {
  test("does not look at tokens: what cannot be checked proves nothing", async () => {
    const open = new CoreWorld(new MemoryBroker(bus));
    await open.settle();
    const client = open.client();
    client.send({ op: "connect", body: { token: "ada" } });
    expect(client.take()).toMatchObject([
      { kind: "reply", body: expect.not.objectContaining({ user: "ada" }) },
    ]);
    client.send({ op: "refresh", body: { token: "ada" } });
    await open.settle();
    expect(client.take()).toMatchObject([{ kind: "error", error: { name: "bad_token" } }]);
  });

  test("shares one identity among all anonymous clients", async () => {
    const open = new CoreWorld(new MemoryBroker(bus));
    await open.settle();
    const [a, b] = [open.connected(), open.connected()];
    expect(a.connection.session?.identity).toBe(b.connection.session?.identity);
  });
});
