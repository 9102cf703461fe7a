/**
 * The examples, each started as its readers start it: npm start in its folder, and pages in a real browser.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { metric } from "./metrics-text.js";
import { Program, REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";
import { testWith } from "./test-with.js";

jest.setTimeout(60_000);

const EXAMPLES = join(REPOSITORY, "packages/examples/src");
const NAMES = readdirSync(EXAMPLES).filter((name) => statSync(join(EXAMPLES, name)).isDirectory());
const shared = new Resources();
const own = new Resources();
let browser: Browser;

beforeAll(async () => {
  browser = shared.add(await Browser.start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

interface Example {
  readonly page: string;
  readonly admin: string;
  readonly program: Program;
}

async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Example> {
  const port = await freePorts(3);
  const [page, gateway, admin] = [port, port + 1, port + 2].map(String);
  const ports = { PORT: `${page}`, HOLDFAST_PORT: `${gateway}`, HOLDFAST_ADMIN_PORT: `${admin}` };
  const program = own.add(
    Program.start("npm", ["start", "--silent"], {
      cwd: join(EXAMPLES, name),
      env: { ...ports, HOLDFAST_WORKERS: "2", ...env },
    }),
  );
  await program.line(`open http://127.0.0.1:${page}`);
  const example = { page: `http://127.0.0.1:${page}`, admin: `http://127.0.0.1:${admin}`, program };
  await eventually(`the gateway of ${name} is ready`, async () => (await get(example, "/readyz")).ok);
  return example;
}

const get = (example: Example, path: string) =>
  fetch(example.admin + path, { headers: { Connection: "close" } });

async function open(url: string): Promise<Page> {
  const page = await browser.open(url);
  own.add({ close: () => page.close() });
  return page;
}

const shows = (page: Page, selector: string, hasText: string | RegExp): Promise<void> =>
  page.locator(selector, { hasText }).first().waitFor({ timeout: 20_000 });

describe("every example", () => {
  test.each(NAMES)("%s has fewer than 150 lines, and starts with npm start", (name) => {
    const lines = readdirSync(join(EXAMPLES, name)).map(
      (file) => readFileSync(join(EXAMPLES, name, file), "utf8").split("\n").length - 1,
    );
    expect(lines.reduce((sum, each) => sum + each, 0)).toBeLessThan(150);
    const { scripts } = JSON.parse(readFileSync(join(EXAMPLES, name, "package.json"), "utf8"));
    expect(Object.keys(scripts)).toEqual(["start"]);
    expect(readFileSync(join(EXAMPLES, "../README.md"), "utf8")).toContain(`src/${name}`);
  });

  test("ends with its gateway when its process is told to", async () => {
    const { program } = await start("chat");
    program.signal("SIGTERM");
    await program.gone();
  });
});

describe("chat", () => {
  test("shows who is in the room, what was said before, and what is said now", async () => {
    const chat = await start("chat");
    const ada = await open(`${chat.page}/?name=ada`);
    await shows(ada, "#people li", "ada");
    await say(ada, "is anybody there?");
    await shows(ada, "#messages li", "ada: is anybody there?");
    const bob = await open(`${chat.page}/?name=bob`);
    await shows(bob, "#messages li", "ada: is anybody there?");
    await shows(ada, "#people li", "bob");
    await say(bob, "<b>yes</b>");
    await shows(ada, "#messages li", "bob: <b>yes</b>");
    await bob.close();
    await ada.locator("#people li", { hasText: "bob" }).waitFor({ state: "detached", timeout: 20_000 });
    expect(await ada.locator("#messages li").allTextContents()).toEqual([
      "ada: is anybody there?",
      "bob: <b>yes</b>",
    ]);
    expect(browser.complaints).toEqual([]);
  });

  test("lets no client speak without a token of the backend", async () => {
    const chat = await start("chat");
    const forged = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"ada","exp":9999999999}').toString("base64url")}.`;
    const response = await fetch(`${chat.page}/say`, {
      method: "POST",
      headers: { Authorization: `Bearer ${forged}` },
      body: "I am ada",
    });
    expect(response.status).toBe(400);
    const history = await get(chat, "/api/history?channel=room:lobby");
    expect(await history.json()).toMatchObject({ publications: [] });
  });

  async function say(page: Page, text: string): Promise<void> {
    await page.fill("#text", text);
    await page.click("#say button");
  }
});

describe("ticker", () => {
  test("gives a page that was slow a gap and the newest prices, and delays no other page", async () => {
    const ticker = await start("ticker");
    const [quick, slow] = [await open(ticker.page), await open(ticker.page)];
    for (const page of [quick, slow]) await shows(page, "td", /\d/);
    const round = async () => Number(await (await fetch(`${ticker.page}/round`)).text());
    const before = await round();
    // Its button makes a page busy for a while. A debugger does the same for as long as it takes to fill the
    // kernel's buffers, some MB.
    const debug = await slow.context().newCDPSession(slow);
    await debug.send("Debugger.enable");
    await debug.send("Debugger.pause");
    const skipped = async () =>
      metric(await (await get(ticker, "/metrics")).text(), "holdfast_publications_skipped_total");
    // More than a page skips that is late for a moment, as the quick one may be on a busy machine.
    const few = (await skipped()) + 600;
    await eventually("older prices are skipped for the slow page", async () => (await skipped()) > few);
    const during = await round();
    await reached(quick, during);
    await debug.send("Debugger.resume");
    await debug.send("Debugger.disable");
    await eventually("the slow page is told a gap", async () => Number(await slow.textContent("#gaps")) > 0);
    await reached(slow, during);
    expect(during).toBeGreaterThan(before);
    expect(await slow.locator("td").count()).toBe(20);
    expect(browser.complaints).toEqual([]);
  });

  /** All its prices are of this round or a later one. */
  function reached(page: Page, round: number): Promise<unknown> {
    return eventually(`prices of round ${round}`, async () => {
      const rounds = await page
        .locator("td")
        .evaluateAll((cells) => cells.map((cell) => cell.getAttribute("data-round")));
      return rounds.every((each) => Number(each) >= round);
    });
  }
});

describe("react", () => {
  test("has a hook of at most 25 lines", () => {
    const text = readFileSync(join(EXAMPLES, "react/use-channel.ts"), "utf8");
    const hook = /^export function useChannel[\s\S]*?^}/m.exec(text)?.[0] ?? "";
    expect(hook.split("\n").length).toBeGreaterThan(5);
    expect(hook.split("\n").length).toBeLessThanOrEqual(25);
  });

  test("is rendered on the server, taken over without complaint, and subscribed once per page in StrictMode", async () => {
    const react = await start("react");
    const html = await (await fetch(react.page)).text();
    expect(html).toContain('<p id="reactions"></p>');
    expect(html).toContain("idle");
    const pages = [await open(react.page), await open(react.page)];
    for (const page of pages) await shows(page, "#state", "connected");
    await subscribers(react, 2);
    const [one, two] = pages as [Page, Page];
    await one.click('button:text("🎉")');
    for (const page of pages) await shows(page, "#reactions", /^🎉$/);
    await one.click("#toggle");
    await subscribers(react, 1);
    await two.click('button:text("🌊")');
    await shows(two, "#reactions", /^🎉 🌊$/);
    await one.click("#toggle");
    await subscribers(react, 2);
    await two.click('button:text("👍")');
    await shows(two, "#reactions", /^🎉 🌊 👍$/);
    // What was published while it was hidden is delivered: it goes on from where it had read.
    await shows(one, "#reactions", /^🎉 🌊 👍$/);
    expect(browser.complaints).toEqual([]);
  });

  async function subscribers(example: Example, expected: number): Promise<void> {
    await eventually(`${expected} subscribers`, async () => {
      const { channels } = (await (await get(example, "/api/channels")).json()) as {
        channels: { channel: string; subscribers: number }[];
      };
      return (channels.find(({ channel }) => channel === "demo:reactions")?.subscribers ?? 0) === expected;
    });
  }
});

describe("notifications", () => {
  testWith(["python3"], "reach one user and all, and the backend reads the events", async () => {
    const redis = own.add(await RedisServer.start());
    const example = await start("notifications", { HOLDFAST_REDIS: redis.url });
    const [ada, bob] = [await open(`${example.page}/?name=ada`), await open(`${example.page}/?name=bob`)];
    for (const page of [ada, bob]) await shows(page, "#state", "connected");
    await example.program.line("event: connect ada");
    await send(bob, "ada", "the parcel has come");
    await shows(ada, "#notifications li", "the parcel has come");
    await example.program.line('event: message ada {"seen":"the parcel has come"}');
    await send(bob, "", "tea at five");
    for (const page of [ada, bob]) await shows(page, "#notifications li", "to all: tea at five");
    expect(await bob.locator("#notifications li").count()).toBe(1);
    await ada.close();
    await example.program.line("event: disconnect ada");
    expect(browser.complaints).toEqual([]);
  });

  async function send(page: Page, to: string, text: string): Promise<void> {
    await page.fill("#to", to);
    await page.fill("#text", text);
    await page.click("#send button");
  }
});

test("the folder is complete", () => {
  expect(NAMES).toEqual(["chat", "notifications", "react", "ticker"]);
  for (const name of NAMES) expect(existsSync(join(EXAMPLES, name, "holdfast.json"))).toBe(true);
});
