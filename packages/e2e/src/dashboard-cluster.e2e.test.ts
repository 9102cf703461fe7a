/**
 * The dashboard of a cluster of two instances with 2,000 clients, in a real browser: each page, and the
 * faults that its reader finds where it is first looked at.
 */
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { Browser } from "./browser.js";
import { DASHBOARD_PAGES, goTo, openDashboard, says, violations } from "./dashboard-page.js";
import { eventually } from "./deadline.js";
import { DeafRelay } from "./deaf-relay.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";
import { SECRET, tokenOf } from "./tokens.js";
import { WsCrowd } from "./ws-crowd.js";

jest.setTimeout(180_000);

const CLIENTS = 2_000;
/** A person has a minute for a fault. */
const MINUTE_MS = 60_000;
const NAMESPACES = JSON.stringify({ room: { historySize: 10, presence: true } });
const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let relay: DeafRelay;
let first: GatewayProcess;
let second: GatewayProcess;
let browser: Browser;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  relay = shared.add(await DeafRelay.start(redis.port));
  const start = (url: string) =>
    GatewayProcess.start({
      args: ["--redis", url, "--canary", "500ms", "--namespaces", NAMESPACES, "--max-connections", "4000"],
    });
  first = shared.add(await start(redis.url));
  second = shared.add(await start(relay.url));
  browser = shared.add(await Browser.start());
  const urls = [first, second].flatMap((each) => [each.ws("channels=room:a"), each.ws("channels=room:b,c")]);
  shared.add(await WsCrowd.gather(CLIENTS, urls));
}, 180_000);
afterEach(() => own.close());
afterAll(() => shared.close());

async function open(hash: string, of = first): Promise<Page> {
  const page = await openDashboard(browser, of, hash);
  own.add({ close: () => page.close() });
  return page;
}

describe("with 2,000 clients at two instances", () => {
  test("each page opens without complaint and by axe's rules, wide, and on a phone", async () => {
    const page = await open("overview");
    await says(page, /ready and serves its clients[\s\S]*Connections\s+1,000 of 4,000/);
    await says(page, /Instances heard\s+2/);
    await says(page, /2,000 clients, spread 0\.0 % of the mean[\s\S]*begins by holdfast rebalance/);
    await says(page, /\(this one\)\s+serving\s+1,000\s+1,000\s+1\s+4,000\s+no/);
    await says(page, /Delivery, by the canary: half/);
    for (const name of DASHBOARD_PAGES) {
      await goTo(page, name);
      expect([name, await violations(page)]).toEqual([name, []]);
      await page.setViewportSize({ width: 360, height: 640 });
      expect([name, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([name, 360]);
      expect([name, await violations(page)]).toEqual([name, []]);
      await page.setViewportSize({ width: 1100, height: 760 });
    }
    expect(browser.complaints).toEqual([]);
  });

  test("lists come in pages of a hundred, and the sessions of one address too", async () => {
    const page = await open("connections?address=127.0.0.1");
    await says(page, /Sessions from 127\.0\.0\.1[\s\S]*Next page/);
    expect(await page.getByLabel("Sessions", { exact: true }).locator("tbody tr").count()).toBe(100);
    await page.getByRole("link", { name: "Next page" }).click();
    await says(page, /Sessions from 127\.0\.0\.1[\s\S]*Next page/);
    await page.getByLabel("Search by").selectOption("address");
    await page.getByLabel("User, session or address").fill("203.0.113.9");
    await page.getByRole("button", { name: "Search" }).click();
    await says(page, /No session from this address/);
  });

  test("pictures for the docs", async () => {
    if (process.env.HOLDFAST_TEST_WRITE !== "1") return;
    const page = await open("overview");
    await page.setViewportSize({ width: 1100, height: 860 });
    for (let n = 0; n < 300; n++) {
      await first.publish(n % 3 === 0 ? "room:a" : "room:b", { n });
      await page.waitForTimeout(n % 40 < 2 ? 600 : 60);
    }
    for (const name of ["Overview", "Settings"] as const) {
      await goTo(page, name);
      const file = name === "Overview" ? "dashboard.png" : `dashboard-${name.toLowerCase()}.png`;
      await page.screenshot({ path: join(REPOSITORY, "docs/img", file) });
    }
  });
});

describe("a reader of the first page finds", () => {
  test("a leak of channels, and who leaks them", async () => {
    const page = await open("overview", second);
    await says(page, /ready and serves its clients/);
    const clients = [
      own.add(await PlainClient.connected(second.ws())),
      own.add(await PlainClient.connected(second.ws())),
    ];
    let n = 0;
    const subscribe = setInterval(() => {
      for (const client of clients) client.send({ id: ++n, subscribe: { channel: `leak:${n}` } });
    }, 200);
    own.add({ close: () => clearInterval(subscribe) });
    await says(page, /Channels leak: [\d,]+ are subscribed to, [\d,]+ more than .* ago/, MINUTE_MS);
    await goTo(page, "Channels");
    const sessions = await page.getByLabel("Sessions with most channels").getByRole("link").allInnerTexts();
    expect(sessions.slice(0, 2).sort()).toEqual(clients.map(({ sid }) => sid).sort());
  });

  test("tokens that have expired, of open connections and of new ones", async () => {
    const guarded = own.add(await GatewayProcess.start({ args: ["--jwt-secret", SECRET] }));
    const expired = { exp: Math.floor(Date.now() / 1000) - 600 };
    const refused = PlainClient.connect(guarded.ws("channels=news"), {
      headers: { authorization: `Bearer ${tokenOf("ann", expired)}` },
    });
    await expect(refused).rejects.toThrow();
    const byCommand = own.add(await PlainClient.connect(guarded.ws()));
    await byCommand.command("connect", { token: tokenOf("bob", expired) });
    const page = await open("overview", guarded);
    await says(page, /Tokens have expired: .* [23] times in the last five minutes/, MINUTE_MS);
    await says(await open("events", guarded), /turned-away\s+token_expired/);
  });

  test("an instance that hears nothing, and that the other one does", async () => {
    const page = await open("overview", second);
    relay.deafen();
    own.add({ close: () => relay.hear() });
    await says(
      page,
      /This instance hears nothing: no canary of any instance has come for \d+ s, while Redis answers/,
      MINUTE_MS,
    );
    expect(await page.innerText(".state")).not.toMatch(/ready and serves/);
    await says(await open("overview", first), /ready and serves its clients/);
    relay.hear();
    await eventually(
      "it hears again",
      async () => !/hears nothing/.test(await page.innerText(".state")),
      MINUTE_MS,
    );
  });

  test("a Redis that is behind", async () => {
    const page = await open("overview");
    // It works for a moment in each three seconds, as one does that has too little of a processor.
    const stop = setInterval(() => {
      redis.pause();
      setTimeout(() => redis.resume(), 2_700);
    }, 3_000);
    own.add({
      close: () => {
        clearInterval(stop);
        redis.resume();
      },
    });
    await says(page, /Redis is behind: its last answer took [\d,.]+ (ms|s)\. Publications/, MINUTE_MS);
  });
});

describe("the page Drain and reload", () => {
  test("reloads and shows the progress, and then the settings that were read", async () => {
    const gateway = own.add(await GatewayProcess.start());
    const before = gateway.workerPids();
    const page = await open("drain", gateway);
    await says(page, /There was no reload since the start/);
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Reload" }).click();
    await says(page, /A reload is under way[\s\S]*Workers replaced\s+[01] of 2/);
    expect(await page.getByRole("progressbar").count()).toBe(1);
    await says(page, /The last reload is through[\s\S]*Workers replaced\s+2 of 2/, MINUTE_MS);
    expect(gateway.workerPids().some((pid) => before.includes(pid))).toBe(false);
  });
});

describe("the page Settings", () => {
  test("shows what is not at its default, with its source, and no secret", async () => {
    const gateway = own.add(
      await GatewayProcess.start({ args: ["--jwt-secret", SECRET, "--max-payload", "10KiB"] }),
    );
    const page = await open("settings", gateway);
    await says(page, /maxPayload\s+10KiB\s+--max-payload/);
    await says(page, /jwtSecret\s+\*\*\*\s+--jwt-secret \(secret\)/);
    expect(await page.innerText("main")).not.toContain("pingInterval");
    await page.getByLabel("Show those at their default, too").check();
    await says(page, /pingInterval\s+25s\s+default/);
    expect(await page.content()).not.toContain(SECRET);
  });
});
