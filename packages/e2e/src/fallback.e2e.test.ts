/**
 * The SDK behind proxies that meddle: over whichever transport passes it sees one connection, and its channel
 * whole, each publication once and in order. In Node.js and in a real browser.
 */
import { Client, type ClientOptions, type Gap, systemClock, type TransportName } from "@holdfast/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { WebSocket } from "ws";
import { Browser } from "./browser.js";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { type Meddling, MeddlingProxy } from "./meddling-proxy.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let proxy: MeddlingProxy;
let tests = 0;
/** Another one for each test. */
let channel = "";
beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start({ args: ["--namespaces", namespaces] }));
});
beforeEach(async () => {
  channel = `demo:log-${++tests}`;
  proxy = own.add(await MeddlingProxy.start(gateway.port));
});
afterEach(() => own.close());
afterAll(() => shared.close());

const namespaces = JSON.stringify({ demo: { clientPublish: true, historySize: 1_000 } });

const options: ClientOptions = {
  WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
  backoff: { minDelayMs: 20, maxDelayMs: 200 },
};

/** Waits of half a minute and more, before a climb, pass in a moment. */
const hasty = {
  ...systemClock,
  after: (ms: number, run: () => void) => systemClock.after(ms >= 15_000 ? 100 : ms, run),
};

/** Subscribes behind the proxy and keeps what it is told. */
class Reader {
  readonly client: Client;
  readonly received: unknown[] = [];
  readonly gaps: Gap[] = [];
  readonly states: string[] = [];

  constructor(more: ClientOptions = {}) {
    this.client = own.add(new Client(`${proxy.http}/ws`, { ...options, ...more }));
    this.client.on("state", ({ name }) => this.states.push(name));
    const subscription = this.client.subscribe(channel, ({ data }) => this.received.push(data));
    subscription.on("gap", (gap) => this.gaps.push(gap));
  }

  static async start(more: ClientOptions = {}): Promise<Reader> {
    const reader = new Reader(more);
    await within(reader.client.connect(), "a connection", 30_000);
    return reader;
  }

  async hasAll(count: number): Promise<void> {
    await eventually(`${count} publications`, () => this.received.length >= count);
    expect(this.received).toEqual(numbers(count));
    expect(this.gaps).toEqual([]);
  }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Past the proxy. */
async function publishes(count: number, between: (n: number) => void = () => {}): Promise<void> {
  const publisher = own.add(new Client(gateway.ws(), options));
  await within(publisher.connect(), "a publisher");
  for (const n of numbers(count)) {
    between(n);
    await within(publisher.publish(channel, n, { key: `n${n}` }), `publication ${n}`);
  }
}

describe("in Node.js", () => {
  test.each<readonly [string, Meddling, string]>([
    ["nothing in the way", {}, "UPGRADE /ws"],
    ["upgrades refused", { refuseUpgrades: true }, "POST /sse"],
    ["upgrades refused and streams held back", { refuseUpgrades: true, buffer: true }, "POST /poll"],
    ["whatever lasts cut after 200 ms", { cutAfterMs: 200 }, "POST /poll"],
  ])("%s", async (_, meddling, ends) => {
    proxy.meddling = meddling;
    const reader = await Reader.start();
    await publishes(300, (n) => {
      // One that is under way when the test ends is not carried out.
      if (n % 40 === 0) reader.client.publish(`${channel}-other`, n, { key: `other ${n}` }).catch(() => {});
    });
    await reader.hasAll(300);
    if (meddling.cutAfterMs !== undefined) await eventually("polls", () => proxy.count("POST /poll") > 0);
    expect(proxy.asked.filter((each) => each !== "POST /send").at(-1)).toBe(ends);
    // Behind a proxy that only refuses, one attempt after the other, and then one connection.
    if (meddling.cutAfterMs === undefined) expect(reader.states.at(-1)).toBe("connected");
  });

  test.each<TransportName>(["sse", "poll"])("every twentieth answer dropped, over %s", async (transport) => {
    proxy.meddling = { dropEvery: 20 };
    const reader = await Reader.start({ transports: [transport], commandTimeoutMs: 2_000 });
    const sent: Promise<unknown>[] = [];
    await publishes(300, (n) => {
      if (n % 3 === 0) sent.push(reader.client.publish(`${channel}-echo`, n, { key: `echo ${n}` }));
    });
    await Promise.all(sent);
    await reader.hasAll(300);
    const { offset } = await reader.client.history(`${channel}-echo`, { limit: 0 });
    expect(offset).toBe(100);
  });

  test.each<TransportName>(["sse", "poll"])(
    "cut all the time, and a worker killed, over %s",
    async (transport) => {
      const readers = await Promise.all([1, 2, 3, 4].map(() => Reader.start({ transports: [transport] })));
      const [victim = 0] = gateway.workerPids();
      await publishes(300, (n) => {
        if (n % 25 === 7) proxy.cut();
        if (n === 150) process.kill(victim, "SIGKILL");
      });
      for (const reader of readers) await reader.hasAll(300);
    },
  );

  test("climbs back to the WebSocket in the middle of everything, as one connection", async () => {
    proxy.meddling = { refuseUpgrades: true };
    const reader = await Reader.start({ clock: hasty });
    proxy.meddling = {};
    const sent: Promise<unknown>[] = [];
    await publishes(300, (n) => {
      // Without a key: not one may be refused for want of a connection.
      if (n % 3 === 0) sent.push(reader.client.publish(`${channel}-other`, n));
    });
    await Promise.all(sent);
    await reader.hasAll(300);
    await eventually("an upgrade", () => reader.states.filter((name) => name === "connected").length === 2);
    expect(new Set(reader.states)).toEqual(new Set(["connecting", "connected"]));
    const sends = proxy.count("POST /send");
    await reader.client.publish(`${channel}-other`, "by WebSocket");
    expect(proxy.count("POST /send")).toBe(sends);
  });
});

describe("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = shared.add(await Browser.start());
  });

  /** A page of the proxy's origin, with a client that keeps what it is told. */
  async function open(): Promise<Page> {
    const page = await browser.open(`${proxy.http}/holdfast.js`);
    await page.evaluate(async (channel) => {
      const { Client } = await import("/holdfast.js" as string);
      const told = { received: [] as unknown[], gaps: 0, states: [] as string[] };
      const client = new Client("/ws", { backoff: { minDelayMs: 20, maxDelayMs: 200 } });
      client.on("state", ({ name }: { name: string }) => told.states.push(name));
      client
        .subscribe(channel, ({ data }: { data: unknown }) => told.received.push(data))
        .on("gap", () => told.gaps++);
      Object.assign(globalThis, { told, client });
      await client.connect();
    }, channel);
    return page;
  }

  test.each<readonly [string, Meddling, string]>([
    ["upgrades refused", { refuseUpgrades: true }, "sse"],
    ["upgrades refused and streams held back", { refuseUpgrades: true, buffer: true }, "poll"],
    ["whatever lasts cut after 300 ms", { cutAfterMs: 300 }, "poll"],
  ])("%s", async (_, meddling, ends) => {
    proxy.meddling = meddling;
    const page = await open();
    await publishes(200);
    await page.waitForFunction(() => (globalThis as unknown as Told).told.received.length >= 200);
    const { received, gaps } = await page.evaluate(() => (globalThis as unknown as Told).told);
    expect(received).toEqual(numbers(200));
    expect(gaps).toBe(0);
    await eventually("it ends up there", () => proxy.asked.includes(`POST /${ends}`));
    await page.evaluate(() => (globalThis as unknown as Told).client.publish("demo:other", 1, { key: "k" }));
    // The page remembers what worked.
    if (meddling.cutAfterMs === undefined) {
      expect(await page.evaluate(() => sessionStorage.getItem("holdfast.transport"))).toBe(ends);
      const upgrades = proxy.count("UPGRADE /ws");
      await page.reload();
      await page.evaluate(async () => {
        const { Client } = await import("/holdfast.js" as string);
        await new Client("/ws").connect();
      });
      expect(proxy.count("UPGRADE /ws")).toBe(upgrades);
    }
  });
});

interface Told {
  readonly told: { readonly received: unknown[]; readonly gaps: number; readonly states: string[] };
  readonly client: { publish(channel: string, data: unknown, options: object): Promise<unknown> };
}
