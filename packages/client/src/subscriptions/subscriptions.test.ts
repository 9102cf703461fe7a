import { errors } from "@holdfast/protocol";
import { describe, expect, it, jest } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";
import type { Subscription, SubscriptionEvents } from "./subscription.js";

/** Notes every event of a subscription, as [name, …]. */
function note(subscription: Subscription): unknown[][] {
  const notes: unknown[][] = [];
  const names: (keyof SubscriptionEvents)[] = ["publication", "subscribed", "unsubscribed", "error"];
  for (const name of names) {
    subscription.on(name, (value) => {
      if (name === "publication") notes.push([name, (value as SubscriptionEvents["publication"]).data]);
      else if (name === "error") notes.push([name, (value as SubscriptionEvents["error"]).name]);
      else if (name === "unsubscribed") {
        notes.push([name, (value as SubscriptionEvents["unsubscribed"]).error?.name]);
      } else notes.push([name]);
    });
  }
  return notes;
}

const publication = (channel: string, data: number): object => ({ publication: { channel, data } });

describe("a subscription made before there is a connection", () => {
  it("travels in the connect command and is settled by its reply", async () => {
    const harness = new ClientHarness();
    const got: unknown[] = [];
    const news = harness.client.subscribe("news", ({ data }) => got.push(data));
    const secret = harness.client.subscribe("secret");
    const notes = [note(news), note(secret)];
    expect([news.state, secret.state]).toEqual(["subscribing", "subscribing"]);
    const socket = await harness.connected({ subs: { news: {}, secret: { error: errors.forbidden } } });
    expect(socket.frames[0]).toHaveProperty("connect.subs", { news: null, secret: null });
    expect([news.state, secret.state]).toEqual(["subscribed", "unsubscribed"]);
    socket.receive(publication("news", 1), publication("secret", 2));
    expect(got).toEqual([1]);
    expect(notes).toEqual([
      [["subscribed"], ["publication", 1]],
      [
        ["error", "forbidden"],
        ["unsubscribed", "forbidden"],
      ],
    ]);
    expect(harness.errors.map(({ name }) => name)).toEqual(["forbidden"]);
    expect(socket.frames).toHaveLength(1);
  });

  it("is asked for by command when the reply says nothing of it", async () => {
    const harness = new ClientHarness();
    const news = harness.client.subscribe("news");
    const socket = await harness.connected();
    expect(socket.frames[1]).toEqual({ id: 2, subscribe: { channel: "news" } });
    socket.receive({ id: 2, subscribe: {} });
    expect(news.state).toBe("subscribed");
  });

  it("may be one of many: the first 128 travel with connect, the rest in few messages", async () => {
    const harness = new ClientHarness();
    for (let i = 0; i < 200; i++) harness.client.subscribe(`c:${i}`);
    const subs = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`c:${i}`, {}]));
    const socket = await harness.connected({ subs });
    expect(Object.keys((socket.frames[0] as { connect: { subs: object } }).connect.subs)).toHaveLength(128);
    expect(socket.sent.map((message) => message.split("\n").length)).toEqual([1, 64, 8]);
  });

  it("may have the name of a property that every object has", async () => {
    const harness = new ClientHarness();
    for (const channel of ["__proto__", "constructor"]) harness.client.subscribe(channel);
    const socket = await harness.connected();
    expect(socket.sent[0]).toContain('"subs":{"__proto__":null,"constructor":null}');
    expect(socket.frames.slice(1)).toEqual([
      { id: 2, subscribe: { channel: "__proto__" } },
      { id: 3, subscribe: { channel: "constructor" } },
    ]);
  });

  it("is given back when it was given up while connect was on its way", async () => {
    const harness = new ClientHarness();
    const news = harness.client.subscribe("news");
    harness.client.connect();
    await settled();
    harness.socket.open();
    news.unsubscribe();
    harness.socket.receive({ id: 1, connect: { sid: "s", subs: { news: {} } } });
    await settled();
    expect(harness.socket.frames[1]).toEqual({ id: 2, unsubscribe: { channel: "news" } });
  });
});

describe("subscriptions to one channel", () => {
  it("share one subscription of the server until the last one ends", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const first = harness.client.subscribe("news");
    const second = harness.client.subscribe("news");
    const notes = [note(first), note(second)];
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, subscribe: { channel: "news" } }]);
    socket.receive({ id: 2, subscribe: {} }, publication("news", 1));
    first.unsubscribe();
    first.unsubscribe();
    socket.receive(publication("news", 2));
    const late = harness.client.subscribe("news");
    const lateNotes = note(late);
    await settled();
    expect(socket.frames).toHaveLength(2);
    expect(lateNotes).toEqual([["subscribed"]]);
    second.unsubscribe();
    late.unsubscribe();
    await settled();
    expect(socket.frames.at(-1)).toEqual({ id: 3, unsubscribe: { channel: "news" } });
    expect(notes).toEqual([
      [["subscribed"], ["publication", 1], ["unsubscribed", undefined]],
      [["subscribed"], ["publication", 1], ["publication", 2], ["unsubscribed", undefined]],
    ]);
  });

  it("never have two commands in flight", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    harness.client.subscribe("news").unsubscribe();
    const second = harness.client.subscribe("news");
    second.unsubscribe();
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, subscribe: { channel: "news" } }]);
    socket.receive({ id: 2, subscribe: {} });
    await settled();
    expect(socket.frames.slice(2)).toEqual([{ id: 3, unsubscribe: { channel: "news" } }]);
    const third = harness.client.subscribe("news");
    await settled();
    expect(socket.frames).toHaveLength(3);
    socket.receive({ id: 3, error: errors.notSubscribed });
    await settled();
    expect(socket.frames.slice(3)).toEqual([{ id: 4, subscribe: { channel: "news" } }]);
    socket.receive({ id: 4, error: errors.alreadySubscribed });
    expect(third.state).toBe("subscribed");
  });
});

describe("a temporary refusal", () => {
  it("is told, and retried with backoff", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const notes = note(harness.client.subscribe("news"));
    for (const [id, delay] of [
      [2, 250],
      [3, 500],
    ] as const) {
      await settled();
      socket.receive({ id, error: errors.unavailable });
      await harness.clock.advance(delay - 1);
      expect(socket.frames).toHaveLength(id);
      await harness.clock.advance(1);
      await settled();
      expect(socket.frames.at(-1)).toEqual({ id: id + 1, subscribe: { channel: "news" } });
    }
    socket.receive({ id: 4, subscribe: {} });
    expect(notes).toEqual([["error", "unavailable"], ["error", "unavailable"], ["subscribed"]]);
  });

  it("is dropped by a handle that has unsubscribed meanwhile", async () => {
    const harness = new ClientHarness();
    await harness.connected({ ping: 0 });
    const news = harness.client.subscribe("news");
    await settled();
    harness.socket.receive({ id: 2, error: errors.unavailable });
    expect(harness.clock.timers).toBe(1);
    news.unsubscribe();
    expect(harness.clock.timers).toBe(0);
  });

  it.each([
    [errors.unavailable.code, "subscribing"],
    [3008, "subscribing"],
    [errors.forbidden.code, "unsubscribed"],
    [3504, "unsubscribed"],
  ])("may come later, as a channel taken away with %i", async (code, state) => {
    const harness = new ClientHarness();
    const news = harness.client.subscribe("news");
    const socket = await harness.connected({ subs: { news: {} } });
    socket.receive({ unsubscribed: { channel: "news", code } });
    expect(news.state).toBe(state);
    expect(harness.errors).toMatchObject([{ code }]);
  });
});

describe("subscriptions across connections", () => {
  it("are asked for again, without a word of their commands in flight", async () => {
    const harness = new ClientHarness();
    const news = harness.client.subscribe("news");
    const socket = await harness.connected({ subs: { news: {} } });
    const sport = harness.client.subscribe("sport");
    const gone = harness.client.subscribe("gone");
    gone.unsubscribe();
    const notes = [note(news), note(sport)];
    await settled();
    socket.closedBy(1006);
    expect([news.state, sport.state]).toEqual(["subscribing", "subscribing"]);
    await harness.clock.advance(250);
    harness.socket.welcome({ subs: { news: {}, sport: {} } });
    expect(harness.socket.frames[0]).toHaveProperty("connect.subs", { news: null, sport: null });
    expect(notes).toEqual([[["subscribed"]], [["subscribed"]]]);
    expect(harness.errors).toEqual([]);
  });

  it("stay wanted after close(), which tells them nothing", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const notes = note(harness.client.subscribe("news"));
    await settled();
    harness.client.close();
    await settled();
    expect([harness.clock.timers, notes, harness.errors]).toEqual([0, [], []]);
    await harness.connected({ subs: { news: {} } });
    expect(harness.socket).not.toBe(socket);
    expect(notes).toEqual([["subscribed"]]);
  });

  it("leave nothing behind when a listener closes the client", async () => {
    const harness = new ClientHarness();
    harness.client.subscribe("a").on("subscribed", () => harness.client.close());
    harness.client.subscribe("b");
    await harness.connected({ subs: { a: {} } });
    expect([harness.clock.timers, harness.network.live, harness.errors]).toEqual([0, 0, []]);
  });
});

describe("subscribe", () => {
  it("throws for what is not a channel name", () => {
    const { client } = new ClientHarness();
    expect(() => client.subscribe("two words")).toThrow(
      new TypeError('Not a channel name: "two words" (1 to 255 printable bytes, plain or namespace:rest)'),
    );
  });

  it("can be undone in the listener that it calls", async () => {
    const harness = new ClientHarness();
    const second = jest.fn();
    const news = harness.client.subscribe("news", () => news.unsubscribe());
    harness.client.subscribe("news", second);
    const socket = await harness.connected({ subs: { news: {} } });
    socket.receive(publication("news", 1), publication("news", 2));
    expect(second).toHaveBeenCalledTimes(2);
    expect(news.state).toBe("unsubscribed");
  });
});

describe("a subscription that has ended", () => {
  it("is tried again by subscribe(), with the same listeners, after the server refused it for good", async () => {
    const harness = new ClientHarness();
    const secret = harness.client.subscribe("secret");
    const notes = note(secret);
    const socket = await harness.connected({ subs: { secret: { error: errors.forbidden } } });
    expect(secret.state).toBe("unsubscribed");
    secret.subscribe();
    secret.subscribe();
    expect(secret.state).toBe("subscribing");
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, subscribe: { channel: "secret" } }]);
    socket.receive({ id: 2, subscribe: {} }, publication("secret", 1));
    expect(secret.state).toBe("subscribed");
    expect(notes.slice(2)).toEqual([["subscribed"], ["publication", 1]]);
  });

  it("goes on from where it had read", async () => {
    const harness = new ClientHarness();
    const got: unknown[] = [];
    const news = harness.client.subscribe("news", ({ data }) => got.push(data));
    const socket = await harness.connected({ subs: { news: { offset: 4, epoch: "e" } } });
    socket.receive({ publication: { channel: "news", data: 1, offset: 5 } });
    socket.receive({ unsubscribed: { channel: "news", code: 3504 } });
    expect([news.state, news.position]).toEqual(["unsubscribed", undefined]);
    news.subscribe();
    await settled();
    expect(socket.frames.at(-1)).toMatchObject({
      subscribe: { channel: "news", since: { offset: 5, epoch: "e" } },
    });
  });

  it("shares a channel that others have subscribed to meanwhile", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const first = harness.client.subscribe("news");
    first.unsubscribe();
    const got: unknown[] = [];
    first.on("publication", ({ data }) => got.push(data));
    socket.receive({ id: 2, subscribe: {} });
    socket.receive({ id: 3, unsubscribe: {} });
    const second = harness.client.subscribe("news");
    first.subscribe();
    socket.receive({ id: 4, subscribe: {} }, publication("news", 7));
    expect([first.state, second.state]).toEqual(["subscribed", "subscribed"]);
    expect(got).toEqual([7]);
    await settled();
    expect(socket.frames.filter((frame) => "subscribe" in (frame as object))).toHaveLength(2);
  });
});
