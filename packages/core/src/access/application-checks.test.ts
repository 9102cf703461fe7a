/**
 * The application's say, as a client meets it: connect, subscribe and publish where tokens and namespaces do
 * not say enough.
 */
import { beforeEach, describe, expect, it } from "@jest/globals";
import { MemoryBroker } from "../broker/broker-memory.js";
import type { CoreOptions } from "../options.js";
import { CoreWorld, type FakeClient, FakeTransport, ScriptedAuthorizer } from "../testing/index.js";
import type { Authorizer, ConnectConsent } from "./authorizer.js";
import type { Identity } from "./identity.js";

const YES = { kind: "yes" } as const;
const NO = { kind: "no", reason: "not yours" } as const;
const UNANSWERED = { kind: "unanswered" } as const;
const ALICE: Identity = { user: "alice" };

function worldWith(authorizer: Authorizer, options: Partial<CoreOptions> = {}): CoreWorld {
  return new CoreWorld(new MemoryBroker(), { access: "private", anonymous: true, ...options }, undefined, {
    authorizer,
    // Without keys of its own.
    authenticator: undefined,
  });
}

let application: ScriptedAuthorizer;
let world: CoreWorld;
beforeEach(async () => {
  application = new ScriptedAuthorizer();
  world = worldWith(application);
  await world.settle();
});

async function alice(): Promise<FakeClient> {
  // No client with a proof is admitted before the revocations are known.
  await world.settle();
  const client = world.client();
  client.connect();
  application.connects.at(-1)?.answer({ kind: "yes", identity: ALICE });
  await world.settle();
  client.take();
  return client;
}

const errorsOf = (client: FakeClient) =>
  client.take().map((frame) => (frame.kind === "error" ? frame.error.name : frame.kind));

describe("connect by the application", () => {
  it("asks with what the client brings, and takes the identity", async () => {
    const client = world.client();
    const id = client.send({ op: "connect", body: { token: "opaque", client: "test/1" } });
    expect(application.connects.map(({ question }) => question)).toEqual([
      { session: "0000000000000001", token: "opaque", client: "test/1", headers: {} },
    ]);
    await world.settle();
    expect(client.take()).toEqual([]);
    application.connects[0]?.answer({ kind: "yes", identity: { user: "alice", subs: ["news"] } });
    await world.settle();
    expect(client.take()).toMatchObject([{ id, op: "connect", body: { user: "alice", subs: { news: {} } } }]);
  });

  it("shows it the headers of the request", () => {
    const headers = { cookie: "session=1" };
    const connection = world.core.open(new FakeTransport(), "lines", undefined, undefined, headers);
    connection.receive('{"id":1,"connect":{}}');
    expect(application.connects[0]?.question.headers).toEqual(headers);
  });

  it("is `denied` with a reason, or `try_later`, and may be tried again", async () => {
    const client = world.client();
    client.connect();
    application.connects[0]?.answer(NO);
    await world.settle();
    expect(client.take()).toMatchObject([
      { error: { code: 125, name: "denied", message: "not yours", temporary: false } },
    ]);
    client.connect();
    application.connects[1]?.answer(UNANSWERED);
    await world.settle();
    expect(client.take()).toMatchObject([{ error: { code: 126, name: "try_later", temporary: true } }]);
    expect(world.metrics.count("webhooks_denied")).toBe(1);
    expect(world.metrics.count("webhooks_unanswered")).toBe(1);
  });

  it("refuses an identity that has expired before it was said", async () => {
    const client = world.client();
    client.connect();
    application.connects[0]?.answer({ kind: "yes", identity: { user: "alice", expiresAt: 1 } });
    await world.settle();
    expect(errorsOf(client)).toEqual(["token_expired"]);
  });

  it("does not ask about who resumes", async () => {
    const first = world.client();
    first.connect();
    application.connects[0]?.answer({ kind: "yes", identity: ALICE });
    await world.settle();
    const [reply] = first.take() as unknown as { body: { sid: string; resumeToken: string } }[];
    const { sid = "", resumeToken: token = "" } = reply?.body ?? {};
    first.gone();
    const second = world.client();
    second.send({ op: "connect", body: { token: "opaque", resume: { sid, token } } });
    await world.settle();
    expect(second.take()).toMatchObject([{ op: "connect", body: { user: "alice", resumed: true } }]);
    expect(application.connects).toHaveLength(1);
  });

  it("opens nothing for a connection that has ended meanwhile", async () => {
    const client = world.client();
    client.connect();
    client.gone();
    application.connects[0]?.answer({ kind: "yes", identity: ALICE });
    await world.settle();
    expect(world.core.connections).toBe(0);
    expect(world.core.subscriptions).toBe(0);
    expect(client.take()).toEqual([]);
  });

  it("does not keep a connection longer than the time to connect", async () => {
    const client = world.client();
    client.connect();
    await world.pass(11_000);
    expect(client.take()).toMatchObject([{ op: "disconnect", body: { code: 3003 } }]);
    application.connects[0]?.answer({ kind: "yes", identity: ALICE });
    await world.settle();
    expect(world.core.connections).toBe(0);
  });
});

describe("a request whose URL connects", () => {
  it("is asked about before it is answered, unless it goes on with a session of a user", async () => {
    const headers = { cookie: "a=b" };
    const who = world.core.authenticate("opaque", headers);
    expect(application.connects.map(({ question }) => question)).toEqual([
      { session: undefined, token: "opaque", client: undefined, headers },
    ]);
    application.connects[0]?.answer({ kind: "yes", identity: ALICE });
    expect(await who).toEqual({ identity: ALICE });
    const client = world.client();
    client.connect();
    application.connects[1]?.answer({ kind: "yes", identity: ALICE });
    await world.settle();
    const [reply] = client.take() as unknown as { body: { sid: string; resumeToken: string } }[];
    const { sid = "", resumeToken: token = "" } = reply?.body ?? {};
    expect(world.core.authenticate(undefined, headers, { sid, token })).toMatchObject({ identity: ALICE });
    expect(application.connects).toHaveLength(2);
  });
});

describe("refresh by the application", () => {
  it("takes the new token of the same user, and refuses another's or a no", async () => {
    const client = await alice();
    const refreshed = async (answer: ConnectConsent) => {
      client.send({ op: "refresh", body: { token: "newer" } });
      expect(application.connects.at(-1)?.question).toMatchObject({
        session: "0000000000000001",
        token: "newer",
      });
      application.connects.at(-1)?.answer(answer);
      await world.settle();
      return errorsOf(client);
    };
    const expiresAt = world.clock.now() + 60_000;
    expect(await refreshed({ kind: "yes", identity: { user: "alice", expiresAt } })).toEqual(["reply"]);
    expect(client.connection.session?.identity.expiresAt).toBe(expiresAt);
    expect(await refreshed({ kind: "yes", identity: { user: "bob" } })).toEqual(["wrong_user"]);
    expect(await refreshed(NO)).toEqual(["denied"]);
    expect(await refreshed(UNANSWERED)).toEqual(["try_later"]);
    expect(client.connection.session?.identity.expiresAt).toBe(expiresAt);
  });
});

describe("subscribe by the application", () => {
  it("asks where nothing else allows the channel, and not where something does", async () => {
    const client = await alice();
    client.subscribe("user:alice");
    client.subscribe("room:1");
    expect(application.subscribes.map(({ question }) => question)).toEqual([
      { session: "0000000000000001", user: "alice", channel: "room:1" },
    ]);
    application.subscribes[0]?.answer(YES);
    await world.settle();
    expect(errorsOf(client)).toEqual(["reply", "reply"]);
    expect(world.core.subscriptions).toBe(3);
  });

  it("never asks about another user's channel", async () => {
    const client = await alice();
    client.subscribe("user:bob");
    client.publish("user:bob", 1);
    expect(errorsOf(client)).toEqual(["forbidden", "forbidden"]);
    expect(application.subscribes).toEqual([]);
    expect(application.publishes).toEqual([]);
  });

  it("is `denied` or `try_later`, and the broker is not asked for the channel", async () => {
    const client = await alice();
    const topics = world.core.topics;
    client.subscribe("room:1");
    client.subscribe("room:2");
    application.subscribes[0]?.answer(NO);
    application.subscribes[1]?.answer(UNANSWERED);
    await world.settle();
    expect(errorsOf(client)).toEqual(["denied", "try_later"]);
    expect(world.core.topics).toBe(topics);
  });

  it("lets a subscriber read the history, and no client that has left", async () => {
    world = worldWith(application, { historySize: 5 });
    const client = await alice();
    client.subscribe("room:1");
    application.subscribes[0]?.answer(YES);
    await world.settle();
    client.send({ op: "history", body: { channel: "room:1" } });
    client.send({ op: "history", body: { channel: "room:2" } });
    await world.settle();
    client.unsubscribe("room:1");
    client.send({ op: "history", body: { channel: "room:1" } });
    await world.settle();
    expect(errorsOf(client).sort()).toEqual(["forbidden", "forbidden", "reply", "reply", "reply"]);
    expect(client.connection.session?.identity.grants).toBeUndefined();
  });

  it("does not subscribe who has unsubscribed meanwhile, and tells both", async () => {
    const client = await alice();
    const subscribing = client.subscribe("room:1");
    const leaving = client.unsubscribe("room:1");
    application.subscribes[0]?.answer(YES);
    await world.settle();
    expect(client.take()).toMatchObject([
      { id: leaving, op: "unsubscribe" },
      { id: subscribing, error: { name: "not_subscribed" } },
    ]);
    expect(client.connection.session?.identity.grants).toBeUndefined();
    client.unsubscribe("room:1");
    expect(errorsOf(client)).toEqual(["not_subscribed"]);
  });

  it("does not subscribe who has gone meanwhile", async () => {
    const client = await alice();
    client.subscribe("room:1");
    client.gone();
    application.subscribes[0]?.answer(YES);
    await world.settle();
    expect(world.core.subscriptions).toBe(0);
  });

  it("answers a connect when all of its channels are decided, each with its own fate", async () => {
    const client = world.client();
    client.connect({ "room:1": null, "room:2": null, "room:3": null });
    application.connects[0]?.answer({ kind: "yes", identity: ALICE });
    await world.settle();
    expect(application.subscribes).toHaveLength(3);
    application.subscribes[0]?.answer(YES);
    application.subscribes[1]?.answer(NO);
    application.subscribes[2]?.answer(UNANSWERED);
    await world.settle();
    expect(client.take()).toMatchObject([
      {
        body: {
          subs: { "room:1": {}, "room:2": { error: { code: 125 } }, "room:3": { error: { code: 126 } } },
        },
      },
    ]);
  });

  it("lets one connection ask so many questions at once, and forgets it when they are answered", async () => {
    world = worldWith(application, { maxChannels: 3 });
    const client = await alice();
    for (let i = 0; i < 10; i++) client.subscribe(`room:${i}`);
    await world.settle();
    expect(application.subscribes).toHaveLength(3);
    expect(errorsOf(client)).toEqual(Array.from({ length: 7 }, () => "try_later"));
    for (const { answer } of application.subscribes) answer(YES);
    await world.settle();
    expect(errorsOf(client)).toEqual(["reply", "reply", "reply"]);
    client.subscribe("room:9");
    expect(errorsOf(client)).toEqual(["limit_channels"]);
  });

  it("leaves no grant where the channels were full when the answers came", async () => {
    world = worldWith(application, { maxChannels: 3 });
    const client = await alice();
    client.subscribe("room:1");
    application.subscribes[0]?.answer(YES);
    await world.settle();
    for (let i = 2; i <= 4; i++) client.subscribe(`room:${i}`);
    for (const { answer } of application.subscribes) answer(YES);
    await world.settle();
    expect(errorsOf(client).sort()).toEqual(["limit_channels", "reply", "reply", "reply"]);
    expect(client.connection.session?.identity.grants?.map(({ channel }) => channel)).toEqual([
      "room:1",
      "room:2",
      "room:3",
    ]);
  });

  it("decides about the channels of a URL, too", async () => {
    expect(world.core.admit(["room:1"])).toBeUndefined();
    expect(world.core.admit(["user:bob"])).toMatchObject({ name: "forbidden" });
    const [good, bad, unsure] = [1, 2, 3].map((n) => world.client("objects", [`room:${n}`]));
    application.subscribes[0]?.answer(YES);
    application.subscribes[1]?.answer(NO);
    application.subscribes[2]?.answer(UNANSWERED);
    await world.settle();
    expect(good?.take()).toMatchObject([{ op: "connect" }]);
    expect(bad?.take()).toMatchObject([
      { op: "disconnect", body: { code: 3503, reason: "not yours", reconnect: false } },
    ]);
    expect(unsure?.take()).toMatchObject([{ op: "disconnect", body: { code: 3009 } }]);
  });
});

describe("publish by the application", () => {
  it("asks where nothing else allows it, with the data", async () => {
    const client = await alice();
    client.publish("room:1", { n: 1 });
    expect(application.publishes.map(({ question }) => question)).toEqual([
      { session: "0000000000000001", user: "alice", channel: "room:1", data: '{"n":1}' },
    ]);
    application.publishes[0]?.answer(YES);
    await world.settle();
    expect(errorsOf(client)).toEqual(["reply"]);
    client.publish("room:1", 2);
    application.publishes[1]?.answer(NO);
    client.publish("room:1", 3);
    application.publishes[2]?.answer(UNANSWERED);
    await world.settle();
    expect(errorsOf(client)).toEqual(["denied", "try_later"]);
  });

  it("does not ask about data that is too large", async () => {
    world = worldWith(application, { maxPublicationBytes: 10 });
    const client = await alice();
    client.publish("room:1", "x".repeat(100));
    expect(errorsOf(client)).toEqual(["too_big"]);
    expect(application.publishes).toEqual([]);
  });

  it("publishes in the order of the commands, whatever order the answers come in", async () => {
    const reader = await alice();
    reader.subscribe("room:1");
    application.subscribes[0]?.answer(YES);
    await world.settle();
    const writer = await alice();
    for (let n = 0; n < 6; n++) writer.publish("room:1", n);
    for (const n of [5, 3, 1, 4, 0, 2]) {
      application.publishes[n]?.answer(n === 4 ? NO : YES);
      await world.settle();
    }
    await world.settle();
    expect(reader.data("room:1")).toEqual([0, 1, 2, 3, 5]);
  });

  it("publishes nothing for a client that has gone meanwhile", async () => {
    const reader = await alice();
    reader.subscribe("room:1");
    application.subscribes[0]?.answer(YES);
    const writer = await alice();
    writer.publish("room:1", 1);
    writer.gone();
    application.publishes[0]?.answer(YES);
    await world.settle();
    expect(reader.data("room:1")).toEqual([]);
  });
});

describe("without an application to ask", () => {
  it("everything is answered at once, as it was", () => {
    const plain = new CoreWorld(new MemoryBroker(), { access: "private", anonymous: true });
    const client = plain.connected();
    client.subscribe("room:1");
    client.publish("room:1", 1);
    expect(errorsOf(client)).toEqual(["forbidden", "forbidden"]);
  });

  it("what it is not asked about is answered at once, too", () => {
    const partly = worldWith({ close: () => {} });
    const client = partly.connected();
    client.subscribe("room:1");
    client.publish("room:1", 1);
    expect(errorsOf(client)).toEqual(["forbidden", "forbidden"]);
  });
});

it("lets go of the application when core closes", async () => {
  await world.core.close();
  expect(application.closes).toBe(1);
});
