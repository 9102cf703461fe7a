import { errors } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import type { Subscription } from "./subscriptions/subscription.js";
import { ClientHarness } from "./testing/client-harness.js";
import { settled } from "./testing/fake-clock.js";
import type { FakeWebSocket } from "./testing/fake-web-socket.js";

const channel = "news";

/** What a subscription tells of its publications: offsets (or data), and the names of the other events. */
function note(subscription: Subscription): unknown[] {
  const notes: unknown[] = [];
  subscription.on("publication", ({ offset, data }) => notes.push(offset ?? data));
  subscription.on("subscribed", () => notes.push("subscribed"));
  subscription.on("recovered", ({ count }) => notes.push(`recovered ${count}`));
  subscription.on("gap", ({ reason, from, to }) => notes.push([reason, from, to]));
  return notes;
}

const push = (offset: number, epoch?: string): object => ({
  publication: { channel, data: offset, offset, ...(epoch !== undefined && { epoch }) },
});

const stored = (...offsets: number[]): { readonly offset: number; readonly data: number }[] =>
  offsets.map((offset) => ({ offset, data: offset }));

/** Subscribed to `news` at offset 4 of the epoch `a`. */
async function subscribed(): Promise<{
  harness: ClientHarness;
  news: Subscription;
  notes: unknown[];
  socket: FakeWebSocket;
}> {
  const harness = new ClientHarness();
  const news = harness.client.subscribe(channel);
  const notes = note(news);
  const socket = await harness.connected({
    ping: 0,
    resumeToken: "proof",
    subs: { news: { offset: 4, epoch: "a" } },
  });
  return { harness, news, notes, socket };
}

describe("a client that comes back", () => {
  it("tells a gap in a channel without history, once for each time that it was away", async () => {
    const { harness, socket } = await subscribed();
    const notes = note(harness.client.subscribe("plain"));
    await settled();
    socket.receive({ id: 2, subscribe: {} });
    expect(notes).toEqual(["subscribed"]);
    for (const times of [1, 2]) {
      harness.socket.closedBy(3004);
      await harness.clock.advance(1_000);
      harness.socket.open();
      harness.socket.welcome({
        ping: 0,
        subs: { news: { offset: 4, epoch: "a", recovered: true }, plain: {} },
      });
      const gap = ["unverifiable", undefined, undefined];
      expect(notes).toEqual([
        "subscribed",
        ...Array.from({ length: times }, () => ["subscribed", gap]).flat(),
      ]);
    }
  });

  it("brings its session and its positions, and delivers what it missed first", async () => {
    const { harness, news, notes, socket } = await subscribed();
    harness.client.subscribe("plain");
    await settled();
    socket.receive({ id: 2, subscribe: {} }, push(5), push(6));
    expect(news.position).toEqual({ offset: 6, epoch: "a" });
    socket.closedBy(1006);
    await harness.clock.advance(250);
    const next = harness.socket;
    next.open();
    expect(next.frames[0]).toMatchObject({
      connect: {
        resume: { sid: "AAAAbbbbbbbbbbbbbbbb", token: "proof" },
        subs: { news: { offset: 6, epoch: "a" }, plain: null },
      },
    });
    next.receive(
      {
        id: 1,
        connect: {
          sid: "s",
          subs: { news: { offset: 8, epoch: "a", recovered: true, publications: stored(7, 8) }, plain: {} },
        },
      },
      push(8),
      push(9),
    );
    expect(notes).toEqual(["subscribed", 5, 6, "subscribed", 7, 8, "recovered 2", 9]);
    expect(news.position).toEqual({ offset: 9, epoch: "a" });
    expect(harness.errors).toEqual([]);
  });

  it("tells a gap where the server cannot prove that there is none, and goes on", async () => {
    const { harness, notes, socket } = await subscribed();
    socket.closedBy(1006);
    await harness.clock.advance(250);
    const verdict = { offset: 9, epoch: "a", recovered: false, reason: "expired" as const };
    harness.socket.welcome({ subs: { news: verdict } });
    harness.socket.receive(push(10));
    expect(notes).toEqual(["subscribed", "subscribed", ["expired", 5, 9], 10]);
  });

  it("asks again for what a listener kept it from delivering", async () => {
    const { harness, news, notes, socket } = await subscribed();
    news.on("publication", ({ offset }) => offset === 6 && harness.client.close());
    socket.closedBy(1006);
    await harness.clock.advance(250);
    harness.socket.welcome({
      subs: { news: { offset: 7, epoch: "a", recovered: true, publications: stored(5, 6, 7) } },
    });
    expect(notes).toEqual(["subscribed", "subscribed", 5, 6]);
    await harness.connected({ subs: {} });
    expect(harness.socket.frames[0]).toHaveProperty("connect.subs", { news: { offset: 6, epoch: "a" } });
  });

  it("delivers nothing of an answer that came after a listener had closed it", async () => {
    const { harness, news, notes, socket } = await subscribed();
    socket.closedBy(1006);
    await harness.clock.advance(250);
    news.on("subscribed", () => harness.client.close());
    harness.socket.welcome({
      subs: { news: { offset: 5, epoch: "a", recovered: true, publications: stored(5) } },
    });
    expect([notes, news.position]).toEqual([["subscribed", "subscribed"], { offset: 4, epoch: "a" }]);
  });

  it("does not go on with a session that close() has ended", async () => {
    const { harness } = await subscribed();
    harness.client.close();
    await harness.connected();
    expect(harness.socket.frames[0]).not.toHaveProperty("connect.resume");
    expect(harness.socket.frames[0]).toHaveProperty("connect.subs.news.offset", 4);
  });
});

describe("a subscription to a channel with history", () => {
  it("drops what it has delivered already", async () => {
    const { notes, socket } = await subscribed();
    socket.receive(push(3), push(4), push(5), push(5), push(4, "a"), push(6));
    expect(notes).toEqual(["subscribed", 5, 6]);
  });

  it("asks for the channel again when something is missing, and drops what comes meanwhile", async () => {
    const { harness, news, notes, socket } = await subscribed();
    socket.receive(push(5), push(7), push(6), push(8));
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, unsubscribe: { channel } }]);
    expect([news.state, notes]).toEqual(["subscribing", ["subscribed", 5]]);
    expect(harness.errors).toMatchObject([
      { name: "malformed", message: 'news: publication 7 after {"offset":5,"epoch":"a"}' },
    ]);
    socket.receive({ id: 2, unsubscribe: {} });
    await harness.clock.advance(249);
    expect(socket.frames).toHaveLength(2);
    await harness.clock.advance(1);
    await settled();
    expect(socket.frames.slice(2)).toEqual([
      { id: 3, subscribe: { channel, since: { offset: 5, epoch: "a" } } },
    ]);
    socket.receive(
      push(9),
      { id: 3, subscribe: { offset: 9, epoch: "a", recovered: true, publications: stored(6, 7, 8, 9) } },
      push(10),
    );
    expect(notes).toEqual(["subscribed", 5, "subscribed", 6, 7, 8, 9, "recovered 4", 10]);
  });

  it("waits longer each time for a server that loses publications again and again", async () => {
    const { harness, socket } = await subscribed();
    const delays: number[] = [];
    for (let id = 2; id < 8; id += 2) {
      socket.receive(push(9));
      await settled();
      socket.receive({ id, unsubscribe: {} });
      const before = harness.clock.monotonic();
      while (socket.frames.length < id + 1) {
        await harness.clock.advance(50);
        await settled();
      }
      delays.push(harness.clock.monotonic() - before);
      socket.receive({ id: id + 1, subscribe: { offset: 4, epoch: "a", recovered: true } });
    }
    expect(delays).toEqual([250, 500, 1_000]);
  });

  it("takes over the epoch of the next publication", async () => {
    const { news, notes, socket } = await subscribed();
    socket.receive(push(5, "b"), push(6));
    expect([notes, news.position]).toEqual([["subscribed", 5, 6], { offset: 6, epoch: "b" }]);
  });

  it("tells a gap that the server announces", async () => {
    const { notes, socket } = await subscribed();
    socket.receive({ gap: { channel, from: 5, to: 7, reason: "slow" } }, push(8));
    socket.receive({ gap: { channel, from: 9, to: 2, epoch: "b", reason: "epoch" } }, push(3));
    expect(notes).toEqual(["subscribed", ["slow", 5, 7], 8, ["epoch", undefined, undefined], 3]);
  });

  it("asks again after a gap that says nothing", async () => {
    const { harness, notes, socket } = await subscribed();
    socket.receive({ gap: { channel, reason: "slow" } }, { gap: { channel, to: 9, reason: "slow" } });
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, unsubscribe: { channel } }]);
    expect([notes, harness.errors]).toMatchObject([["subscribed"], [{ name: "malformed" }]]);
  });

  it("delivers publications without an offset as they come", async () => {
    const { notes, socket } = await subscribed();
    const plain = (data: string): object => ({ publication: { channel, data } });
    socket.receive(plain("x"), push(5), plain("x"), push(9), plain("y"));
    expect(notes).toEqual(["subscribed", "x", 5, "x", "y"]);
  });

  it("is asked for anew when the answer to its position was lost", async () => {
    const { harness, notes, socket } = await subscribed();
    socket.receive({ unsubscribed: { channel, code: 3008 } });
    await harness.clock.advance(250);
    await settled();
    expect(socket.frames.at(-1)).toHaveProperty("id", 2);
    // No answer comes in time; the next attempt hears that the server holds the channel.
    await harness.clock.advance(10_500);
    await settled();
    socket.receive({ id: 3, error: errors.alreadySubscribed });
    await settled();
    expect(socket.frames.at(-1)).toEqual({ id: 4, unsubscribe: { channel } });
    socket.receive({ id: 4, unsubscribe: {} });
    await harness.clock.advance(1_000);
    await settled();
    expect(socket.frames.at(-1)).toEqual({
      id: 5,
      subscribe: { channel, since: { offset: 4, epoch: "a" } },
    });
    socket.receive({
      id: 5,
      subscribe: { offset: 5, epoch: "a", recovered: true, publications: stored(5) },
    });
    expect(notes).toEqual(["subscribed", "subscribed", 5, "recovered 1"]);
  });

  it("gives a late handle what comes after it", async () => {
    const { harness, socket } = await subscribed();
    socket.receive(push(5));
    const late = note(harness.client.subscribe(channel));
    await settled();
    socket.receive(push(6));
    expect(late).toEqual(["subscribed", 6]);
  });
});

describe("a subscription with `since`", () => {
  const since = { offset: 4, epoch: "a" };

  it("begins there, and has no position once it has ended", async () => {
    const harness = new ClientHarness();
    const news = harness.client.subscribe(channel, undefined, { since });
    const notes = note(news);
    expect(news.position).toEqual(since);
    const socket = await harness.connected({
      subs: { news: { offset: 5, epoch: "a", recovered: true, publications: stored(5) } },
    });
    expect(socket.frames[0]).toHaveProperty("connect.subs", { news: since });
    expect(notes).toEqual(["subscribed", 5, "recovered 1"]);
    news.unsubscribe();
    expect(news.position).toBeUndefined();
  });

  it("does not take the answer to another question for its own", async () => {
    const harness = new ClientHarness();
    const first = harness.client.subscribe(channel);
    harness.client.connect();
    await settled();
    const { socket } = harness;
    socket.open();
    first.unsubscribe();
    const notes = note(harness.client.subscribe(channel, undefined, { since }));
    socket.receive({ id: 1, connect: { sid: "s", subs: { news: { offset: 6, epoch: "a" } } } }, push(7));
    await settled();
    expect(socket.frames.slice(1)).toEqual([{ id: 2, unsubscribe: { channel } }]);
    socket.receive({ id: 2, unsubscribe: {} });
    await settled();
    expect(socket.frames.slice(2)).toEqual([{ id: 3, subscribe: { channel, since } }]);
    const publications = stored(5, 6, 7);
    socket.receive({ id: 3, subscribe: { offset: 7, epoch: "a", recovered: true, publications } });
    expect(notes).toEqual(["subscribed", 5, 6, 7, "recovered 3"]);
  });

  it("throws for what is not a position", () => {
    const { client } = new ClientHarness();
    expect(() => client.subscribe(channel, undefined, { since: { offset: -1, epoch: "a" } })).toThrow(
      new TypeError('since: {"offset":-1,"epoch":"a"} is not a position {offset, epoch}'),
    );
  });
});
