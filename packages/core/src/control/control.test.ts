import { disconnects, encodeCommand, errors } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { orderText } from "../access/control-message.js";
import type { Identity } from "../access/identity.js";
import { BrokerUnavailable } from "../broker/broker.js";
import { MemoryBroker } from "../broker/broker-memory.js";
import { CONTROL } from "../broker/topic.js";
import { CoreWorld, memoryRevocations } from "../testing/core-world.js";
import { FakeTransport } from "../testing/fake-transport.js";

/** A private gateway: only what is granted may be had. */
async function makeWorld(): Promise<CoreWorld> {
  const world = new CoreWorld(new MemoryBroker(), {
    access: "private",
    namespaces: { pub: { public: true } },
  });
  await world.settle();
  return world;
}

/** Connected as this identity. */
async function connect(world: CoreWorld, identity: Identity, resume?: { sid: string; token: string }) {
  const transport = new FakeTransport();
  const connection = world.core.open(transport, "lines", undefined, identity);
  connection.receive(encodeCommand({ op: "connect", id: 1, body: resume === undefined ? {} : { resume } }));
  await world.settle();
  const [reply] = transport.takeFrames();
  return { transport, connection, reply };
}

const user = (name: string, over: Partial<Identity> = {}): Identity => ({ user: name, ...over });

async function order(world: CoreWorld, value: object | string): Promise<void> {
  await world.broker.publish(CONTROL, typeof value === "string" ? value : JSON.stringify(value));
  await world.settle();
  await world.pass(200);
}

const ended = (code: number) => [{ kind: "push", op: "disconnect", body: expect.objectContaining({ code }) }];

describe("an order to disconnect", () => {
  test("reaches all connections of a user and no others, and they may come back", async () => {
    const world = await makeWorld();
    const [a, b, other] = [
      await connect(world, user("a")),
      await connect(world, user("a")),
      await connect(world, user("b")),
    ];
    await order(world, { op: "disconnect", user: "a", reason: "moved" });
    for (const { transport } of [a, b]) {
      expect(transport.takeFrames()).toEqual([
        {
          kind: "push",
          op: "disconnect",
          body: { code: disconnects.disconnected.code, reason: "moved", reconnect: true },
        },
      ]);
    }
    expect(other.transport.takeFrames()).toEqual([]);
    expect(world.metrics.count("connections_dismissed")).toBe(2);
    expect(await connect(world, user("a"))).toMatchObject({ reply: { kind: "reply" } });
  });

  test("by session or token ends that one, for good if it says so", async () => {
    const world = await makeWorld();
    const [a, b] = [await connect(world, user("a", { tokenId: "t1" })), await connect(world, user("a"))];
    // The first four characters of a session id change when the session moves.
    await order(world, { op: "disconnect", session: `ZZZZ${b.connection.id.slice(4)}`, reconnect: false });
    expect(b.transport.takeFrames()).toEqual(ended(disconnects.dismissed.code));
    expect(a.transport.takeFrames()).toEqual([]);
    await order(world, { op: "disconnect", token: "t1" });
    expect(a.transport.takeFrames()).toEqual(ended(disconnects.disconnected.code));
  });

  test("finds all of a user among many, in stretches", async () => {
    const world = await makeWorld();
    const crowd = [];
    for (let n = 0; n < 1000; n++) crowd.push(await connect(world, user(`u${n % 2}`)));
    await order(world, { op: "disconnect", user: "u1" });
    const gone = crowd.filter(({ transport }) => transport.takeFrames().length > 0);
    expect(gone).toHaveLength(500);
  });
});

describe("an order that is none", () => {
  test("is counted, and shown once in ten seconds", async () => {
    const world = await makeWorld();
    await connect(world, user("a"));
    for (const text of ["", "{", '{"op":"dance","user":"a"}', '{"op":"disconnect"}'])
      await order(world, text);
    expect(world.metrics.count("orders_rejected")).toBe(4);
    expect(world.logger.messages("warn")).toEqual(["rejected an order"]);
    await world.pass(10_000);
    await order(world, "x");
    expect(
      world.logger.lines.findLast(({ message }) => message === "rejected an order")?.fields,
    ).toMatchObject({
      sample: "x",
      rejected: 4,
    });
  });
});

describe("channels by order", () => {
  test("are given against the rules, told, kept over a refresh of rights, and taken again", async () => {
    const world = await makeWorld();
    const { transport, connection } = await connect(world, user("a"));
    await order(world, { op: "subscribe", user: "a", channel: "secret" });
    expect(transport.takeFrames()).toEqual([{ kind: "push", op: "subscribed", body: { channel: "secret" } }]);
    await order(world, { op: "subscribe", user: "a", channel: "secret" });
    expect(transport.takeFrames()).toEqual([]);
    await world.broker.publish("channel:secret", "1");
    await world.settle();
    expect(transport.takeFrames()).toMatchObject([{ op: "publication" }]);
    await order(world, { op: "unsubscribe", user: "a", channel: "secret" });
    expect(transport.takeFrames()).toEqual([
      { kind: "push", op: "unsubscribed", body: { channel: "secret", code: disconnects.revoked.code } },
    ]);
    connection.receive(encodeCommand({ op: "subscribe", id: 2, body: { channel: "secret" } }));
    await world.settle();
    expect(transport.takeFrames()).toMatchObject([{ kind: "error", error: { name: errors.forbidden.name } }]);
  });

  test("of another user are given to no client", async () => {
    const world = await makeWorld();
    const { transport } = await connect(world, user("a"));
    await order(world, { op: "subscribe", user: "a", channel: "user:b" });
    expect(transport.takeFrames()).toEqual([]);
    expect(world.core.inspector.channels({ prefix: "", after: "", limit: 10 })).toEqual([]);
  });

  test("that are public can be taken, too, and say where they begin", async () => {
    const world = await makeWorld();
    const { transport } = await connect(world, user("a"));
    await order(world, { op: "subscribe", user: "a", channel: "pub:1" });
    await order(world, { op: "unsubscribe", user: "a", channel: "pub:1" });
    expect(transport.takeFrames()).toMatchObject([
      { op: "subscribed" },
      { op: "unsubscribed", body: { channel: "pub:1" } },
    ]);
  });
});

describe("a revocation", () => {
  test("reaches tokens whose issuer's clock is ahead within the leeway, open ones and later ones", async () => {
    const world = new CoreWorld(new MemoryBroker(), { access: "private", clockLeewayMs: 12_000 });
    await world.settle();
    const now = world.clock.now();
    const ahead = user("a", { issuedAt: now + 11_000 });
    const open = await connect(world, ahead);
    const beyond = await connect(world, user("a", { issuedAt: now + 12_001 }));
    await world.revocations.add([{ subject: "user:a", at: now, until: now + 60_000 }]);
    await world.pass(200);
    expect(open.transport.takeFrames()).toEqual(ended(disconnects.revoked.code));
    expect(beyond.transport.takeFrames()).toEqual([]);
    expect(await connect(world, ahead)).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    expect(await connect(world, user("a", { issuedAt: now + 12_001 }))).toMatchObject({
      reply: { kind: "reply" },
    });
    // As long as a token is taken after its end.
    await world.pass(60_000);
    expect(await connect(world, ahead)).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    await world.pass(12_000);
    expect(await connect(world, ahead)).toMatchObject({ reply: { kind: "reply" } });
  });

  test("ends a user's connections, and refuses the tokens of before, not those of after", async () => {
    const world = await makeWorld();
    const now = world.clock.now();
    const old = user("a", { issuedAt: now - 1000 });
    const { transport } = await connect(world, old);
    const other = await connect(world, user("b", { issuedAt: now - 1000 }));
    await world.revocations.add([{ subject: "user:a", at: now, until: now + 60_000 }]);
    await world.pass(200);
    expect(transport.takeFrames()).toEqual(ended(disconnects.revoked.code));
    expect(other.transport.takeFrames()).toEqual([]);
    expect(await connect(world, old)).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    // A token that does not say when it was issued may be old.
    expect(await connect(world, user("a"))).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    expect(await connect(world, user("a", { issuedAt: now + 1 }))).toMatchObject({
      reply: { kind: "reply" },
    });
    expect(world.metrics.count("connections_revoked")).toBe(1);
    expect(world.metrics.count("revoked_refused")).toBe(2);
    await world.pass(60_000);
    expect(await connect(world, old)).toMatchObject({ reply: { kind: "reply" } });
  });

  test("of a session refuses its resume token here and elsewhere, and the same user may come anew", async () => {
    const world = await makeWorld();
    const { reply, connection, transport } = await connect(world, user("a"));
    const { sid, resumeToken } = (reply as unknown as { body: { sid: string; resumeToken: string } }).body;
    expect(sid).toBe(connection.id);
    await order(world, { op: "revoke", session: sid });
    expect(transport.takeFrames()).toEqual(ended(disconnects.revoked.code));
    const back = await connect(world, user("a"), { sid, token: resumeToken });
    expect(back).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    expect(await connect(world, user("a"))).toMatchObject({ reply: { kind: "reply" } });
  });

  test("of a URL's token that came between its check and the opening is noticed", async () => {
    const world = await makeWorld();
    const now = world.clock.now();
    await world.revocations.add([{ subject: "token:t", at: now, until: now + 60_000 }]);
    await world.settle();
    const transport = new FakeTransport();
    world.core.open(transport, "lines", ["pub:1"], user("a", { tokenId: "t" }));
    await world.settle();
    expect(transport.takeFrames()).toEqual(ended(disconnects.revoked.code));
  });

  test("of a subscription token ends the channel that it allowed", async () => {
    const world = await makeWorld();
    const grants = [{ channel: "room", verbs: ["subscribe"] as const, tokenId: "s1" }];
    const { transport, connection } = await connect(world, user("a", { grants }));
    connection.receive(encodeCommand({ op: "subscribe", id: 2, body: { channel: "room" } }));
    await world.settle();
    transport.takeFrames();
    await order(world, { op: "revoke", token: "s1" });
    expect(transport.takeFrames()).toEqual([
      { kind: "push", op: "unsubscribed", body: { channel: "room", code: disconnects.revoked.code } },
    ]);
  });

  test("that was only published is brought to the store, for workers that are away", async () => {
    const world = await makeWorld();
    await connect(world, user("a"));
    await order(world, { op: "revoke", user: "a", until: world.clock.now() + 5_000 });
    expect((await world.revocations.list(0)).revocations).toMatchObject([{ subject: "user:a" }]);
  });
});

describe("the list of revocations", () => {
  test("gets what the store could not take when it was published, with the next check", async () => {
    const world = await makeWorld();
    const store = memoryRevocations(world.broker, world.clock);
    const add = store.add.bind(store);
    let fail = true;
    store.add = (revocations) => (fail ? Promise.reject(new BrokerUnavailable("away")) : add(revocations));
    const other = new CoreWorld(new MemoryBroker(), { access: "private" }, undefined, { revocations: store });
    await other.settle();
    await order(other, { op: "revoke", token: "t" });
    expect((await store.list(0)).revocations).toEqual([]);
    fail = false;
    await other.pass(31_000);
    expect((await store.list(0)).revocations).toMatchObject([{ subject: "token:t" }]);
  });

  test("is learned by a worker that comes later, or was away", async () => {
    const world = await makeWorld();
    const now = world.clock.now();
    // It tells on another broker: as if every publication were lost.
    const deaf = memoryRevocations(world.broker, world.clock);
    await deaf.add([{ subject: "token:t", at: now, until: now + 600_000 }]);
    const late = new CoreWorld(new MemoryBroker(), { access: "private" }, undefined, { revocations: deaf });
    expect(late.core.brokerState).toBe("connecting");
    await late.settle();
    expect(late.core.brokerState).toBe("ready");
    const refused = await connect(late, user("a", { tokenId: "t" }));
    expect(refused).toMatchObject({ reply: { error: { name: "token_revoked" } } });
    const held = await connect(late, user("a", { tokenId: "u" }));
    await deaf.add([{ subject: "token:u", at: now, until: now + 600_000 }]);
    expect(held.transport.takeFrames()).toEqual([]);
    // The version is asked for now and then.
    await late.pass(31_000);
    expect(held.transport.takeFrames()).toMatchObject(ended(disconnects.revoked.code));
  });

  test("has to be known before a client with a token is admitted; anonymous clients need not wait", async () => {
    const world = await makeWorld();
    let fail = true;
    const store = memoryRevocations(world.broker, world.clock);
    const list = store.list.bind(store);
    store.list = (from, known) => (fail ? Promise.reject(new Error("away")) : list(from, known));
    const late = new CoreWorld(new MemoryBroker(), { access: "private", anonymous: true }, undefined, {
      revocations: store,
    });
    await late.settle();
    expect(await connect(late, user("a"))).toMatchObject({ reply: { error: { name: "unavailable" } } });
    expect(await connect(late, {})).toMatchObject({ reply: { kind: "reply" } });
    fail = false;
    await late.pass(1_500);
    expect(await connect(late, user("a"))).toMatchObject({ reply: { kind: "reply" } });
  });

  test("that the broker lost is brought back, and not forgotten meanwhile", async () => {
    const world = await makeWorld();
    const now = world.clock.now();
    await world.settle();
    await world.broker.publish(
      CONTROL,
      orderText({
        op: "revoke",
        revocation: { subject: "token:t", at: now, until: now + 600_000 },
        stored: true,
      }),
    );
    await world.revocations.add([{ subject: "token:other", at: now, until: now + 600_000 }]);
    await world.pass(31_000);
    const kept = (await world.revocations.list(0)).revocations.map(({ subject }) => subject);
    expect(new Set(kept)).toEqual(new Set(["token:t", "token:other"]));
    const refused = await connect(world, user("a", { tokenId: "t" }));
    expect(refused).toMatchObject({ reply: { error: { name: "token_revoked" } } });
  });
});
