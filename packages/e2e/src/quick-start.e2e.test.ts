/**
 * The first minutes with Holdfast: one command, the embedded broker, what the start says to try next, the
 * demo page.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ownerOf, SUBPROTOCOL } from "@holdfast/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { ANOTHER_SITE, Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program, REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

const shell = (command: string, env: Record<string, string> = {}) =>
  own.add(Program.start("/bin/sh", ["-c", command], { env }));

/** For readers who want nothing of ours. */
const WSCAT = "npx wscat -c 'ws://127.0.0.1:8080/ws?channels=news'";

describe("npm start", () => {
  test("runs one worker per CPU, says so in one line, and ends with Ctrl-C", async () => {
    const args = ["start", "--silent", "--", "--port", "0", "--admin-port", "0"];
    const program = own.add(Program.start("npm", args, { group: true }));
    const line = await program.line("urls", 60_000);
    const { msg, workers, broker } = JSON.parse(line);
    expect(workers).toBe(availableParallelism());
    expect(broker).toBe("embedded");
    expect(msg).toContain("npx holdfast publish news");
    program.interrupt();
    await program.gone();
  });

  test("hands the SIGTERM of a service manager on to the gateway", async () => {
    const program = own.add(
      Program.start("npm", ["start", "--silent", "--", "--port", "0", "--admin-port", "0"]),
    );
    await program.line("urls", 60_000);
    program.signal("SIGTERM");
    await program.gone();
    expect(program.output).toContain('"msg":"stopped"');
  });
});

describe("the start's last line", () => {
  test("names the commands of the README", () => {
    const readme = readFileSync(join(REPOSITORY, "README.md"), "utf8");
    const [listen = "", publish = ""] = gateway.banner.try;
    expect(readme).toContain(listen.replace(` --url ${gateway.ws()}`, ""));
    expect(readme).toContain(publish.replace(` --url ${gateway.admin}`, ""));
    expect(readme).toContain(WSCAT);
  });

  test("names two commands that work as they are; wscat hears it, too", async () => {
    const [listen = "", publish = ""] = gateway.banner.try;
    const listening = shell(listen);
    await listening.line("listening at");
    const wscat = shell(WSCAT.replace(":8080/", `:${gateway.port}/`));
    await wscat.line('{"connect":');
    const publishing = shell(publish);
    expect(await publishing.exit()).toEqual({ code: 0, signal: null });
    expect(publishing.output).toMatch(/^published to news \(11 bytes of JSON\) through http:/m);
    expect(await wscat.line('"channel":"news"')).toContain('"data":{"hello":1}');
    expect(await listening.line("news {")).toBe('news {"hello":1}');
  });

  const secret = { HOLDFAST_JWT_SECRET: "a-secret-of-the-quick-start-e2e-test" };
  const adminKey = { HOLDFAST_ADMIN_KEY: "an-admin-key-of-the-test" };
  const flags = ["--jwt-secret", secret.HOLDFAST_JWT_SECRET, "--jwt-issuer", "me"];
  test.each([
    ["the environment", { env: secret }],
    ["a flag", { args: flags, env: adminKey }],
  ])(
    "names commands that work where there is a key for tokens, from %s",
    async (_, options) => {
      const locked = own.add(await GatewayProcess.start({ ...options, until: "listening" }));
      const lines = locked.banner.try;
      expect(lines.join()).not.toMatch(/a-secret|an-admin/);
      const [listen = "", publish = ""] = lines;
      const terminal = { ...secret, ...options.env };
      const listening = shell(listen, terminal);
      await listening.line("listening at");
      expect(await shell(publish, terminal).exit()).toEqual({ code: 0, signal: null });
      expect(await listening.line("news {")).toBe('news {"hello":1}');
      const without = shell(listen.replace(/ --token .*/, ""));
      expect(await without.exit()).toEqual({ code: 1, signal: null });
      expect(without.output).toContain("--token or HOLDFAST_TOKEN");
    },
    180_000,
  );
});

describe("plain clients", () => {
  test("a URL subscribes; raw delivers the data alone", async () => {
    const json = own.add(await PlainClient.subscribed(gateway.ws("channels=news,sport")));
    const raw = own.add(await PlainClient.connect(gateway.ws("channels=news&format=raw")));
    await eventually("both are subscribed", async () => {
      await gateway.publish("news", "is raw there?");
      return raw.all.length > 0;
    });
    await gateway.publish("sport", [1, "zwei", null]);
    await gateway.publish("news", { hello: 1 });
    await gateway.publish("news", "end");
    const received = (await json.until('"end"')).filter((message) => !message.includes("is raw there?"));
    expect(received).toEqual([
      '{"publication":{"channel":"sport","data":[1,"zwei",null]}}',
      '{"publication":{"channel":"news","data":{"hello":1}}}',
    ]);
    const rawReceived = (await raw.until('"end"')).filter((message) => !message.includes("is raw there?"));
    expect(rawReceived).toEqual(['{"hello":1}']);
  });

  test("the welcome says who one is and what the limits are", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws("channels=news")));
    const { connect } = await client.next();
    expect(connect).toMatchObject({ resumed: false, subs: { news: {} }, ping: 25_000, pongTimeout: 8_000 });
    expect(ownerOf(connect.sid)).toBeDefined();
    expect(Math.abs(connect.serverTime - Date.now())).toBeLessThan(60_000);
  });

  test("commands: connect, subscribe, publish, unsubscribe, ping, with ids", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws(), { protocols: [SUBPROTOCOL] }));
    expect(client.subprotocol).toBe(SUBPROTOCOL);
    client.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"demo:room"}}');
    expect(await client.next()).toMatchObject({ id: 1, connect: {} });
    const subscribed = await client.next();
    // Channels of the demo keep a history.
    expect(subscribed).toEqual({ id: 2, subscribe: { offset: 0, epoch: expect.any(String) } });
    const { epoch } = (subscribed as { subscribe: { epoch: string } }).subscribe;
    client.send({ id: 3, publish: { channel: "demo:room", data: { text: "hi" } } });
    const both = [await client.next(), await client.next()];
    expect(both).toContainEqual({ publication: { channel: "demo:room", offset: 1, data: { text: "hi" } } });
    expect(both).toContainEqual({ id: 3, publish: { offset: 1, epoch } });
    expect(await client.command("publish", { channel: "news", data: 1 })).toMatchObject({
      error: { code: 102, name: "forbidden", temporary: false },
    });
    client.send("{}");
    expect(await client.nextMessage()).toBe("{}");
    client.send({ id: 9, unsubscribe: { channel: "demo:room" } });
    expect(await client.next()).toEqual({ id: 9, unsubscribe: {} });
    await gateway.publish("demo:room", "not for us");
    await gateway.broadcast("end");
    expect(await client.until('"end"')).toEqual([]);
  });

  test("a publication reaches every subscriber once, whichever worker holds it", async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => own.add(await PlainClient.subscribed(gateway.ws("channels=w")))),
    );
    const slots = new Set(clients.map(({ sid }) => ownerOf(sid)?.slot));
    expect(slots).toEqual(new Set([0, 1]));
    for (const n of [1, 2, 3]) await gateway.publish("w", n);
    await gateway.publish("w", "end");
    const expected = [1, 2, 3].map((n) => `{"publication":{"channel":"w","data":${n}}}`);
    for (const client of clients) expect(await client.until('"end"')).toEqual(expected);
  });
});

describe("holdfast listen", () => {
  test("prints what holdfast publish sends: JSON as it is, text as a string, broadcasts as *", async () => {
    const listening = own.add(Program.holdfast(["listen", "news", "sport", "--url", gateway.ws()]));
    await listening.line("listening at");
    const say = async (...args: string[]) => {
      const program = Program.holdfast([...args, "--admin", gateway.admin]);
      expect(await program.exit()).toEqual({ code: 0, signal: null });
    };
    await say("publish", "news", '{"a": 1}');
    await say("publish", "sport", "two words");
    await say("broadcast", "[true]");
    await listening.line("* [true]");
    const printed = listening.lines.filter((line) => !listening.stderr.includes(line));
    expect(printed).toEqual(['news {"a": 1}', 'sport "two words"', "* [true]"]);
    listening.signal("SIGINT");
    expect(await listening.exit()).toEqual({ code: 0, signal: null });
  });

  test("says in one line that there is no gateway", async () => {
    const port = await freePorts(1);
    for (const args of [
      ["publish", "news", "1", "--admin", `http://127.0.0.1:${port}`],
      ["listen", "news", "--url", `ws://127.0.0.1:${port}/ws`],
    ]) {
      const program = own.add(Program.holdfast(args));
      expect(await program.exit()).toEqual({ code: 1, signal: null });
      expect(program.lines).toHaveLength(1);
      expect(program.output).toMatch(/^holdfast: no gateway at .+ \(nothing listens there\): start one/);
    }
  });
});

describe("in a browser", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = shared.add(await Browser.start());
  });

  test("the page connects, subscribes, shows what others publish, publishes in demo: and is refused elsewhere", async () => {
    const page = await browser.open(gateway.http);
    await page.waitForSelector('#state[data-state="connected"]');
    await subscribe(page, "demo:lobby");
    const other = own.add(await PlainClient.connected(gateway.ws(), ["demo:lobby", "demo:chat", "news"]));
    await other.command("publish", { channel: "demo:lobby", data: "from another client" });
    await shows(page, "demo:lobby", "from another client");
    await subscribe(page, "news");
    await gateway.publish("news", { from: "the backend", html: "<b>bold</b>" });
    await shows(page, "news", '{"from":"the backend","html":"<b>bold</b>"}');
    await gateway.broadcast("to everyone");
    await shows(page, "everyone", "to everyone");

    await publish(page, "demo:chat", "from the page");
    expect(await other.until("from the page")).not.toContainEqual(expect.stringContaining('"demo:chat"'));
    await publish(page, "news", "not allowed");
    await page.locator("#problem", { hasText: 'news: This connection may not publish to "news":' }).waitFor();
    await gateway.publish("news", "end");
    await shows(page, "news", "end");
    expect((await other.until('"end"')).join()).not.toContain("not allowed");
    expect(browser.complaints).toEqual([]);
    await page.close();
  });

  test("the page takes a token, and says how to make one and where this gateway is", async () => {
    const secret = "a-secret-of-the-demo-page-e2e-test";
    const locked = own.add(await GatewayProcess.start({ args: ["--jwt-secret", secret] }));
    const page = await browser.open(locked.http);
    await page.waitForSelector("#identity[open]");
    expect(await page.textContent("#listen")).toBe(`npx holdfast listen demo:lobby --url ${locked.ws()}`);
    const create = ["token", "create", "me", "--allow", "demo:*=subscribe,publish"];
    expect(await page.textContent("#identity pre")).toBe(
      "npx holdfast token create me --allow 'demo:*=subscribe,publish'",
    );
    const making = own.add(Program.holdfast(create, { env: { HOLDFAST_JWT_SECRET: secret } }));
    expect(await making.exit()).toEqual({ code: 0, signal: null });
    await page.fill("#token", making.output.trim());
    await page.click("#authorize");
    await page.waitForSelector('#state[data-state="connected"]');
    await page.locator('#channels li[data-state="subscribed"]', { hasText: "demo:lobby" }).waitFor();
    await publish(page, "demo:lobby", "with a token");
    await shows(page, "demo:lobby", "with a token");
    await page.close();
  });

  test("the browser's own WebSocket needs no SDK", async () => {
    const page = await browser.open(gateway.http);
    const received = page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`ws://${location.host}/ws?channels=native&format=raw`);
          socket.onopen = () => document.body.setAttribute("data-open", "");
          socket.onmessage = ({ data }) => resolve(data);
          socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
        }),
    );
    let arrived = false;
    void received.then(() => {
      arrived = true;
    });
    await page.waitForSelector("body[data-open]");
    await eventually("the browser is subscribed", async () => {
      await gateway.publish("native", { native: true });
      return arrived;
    });
    expect(await received).toBe('{"native":true}');
    await page.close();
  });

  test("a page of another origin is refused", async () => {
    const elsewhere = createServer((_request, response) =>
      response.setHeader("Content-Type", "text/html").end("<p>another site</p>"),
    );
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    own.add({ close: () => elsewhere.close() });
    const { port } = elsewhere.address() as AddressInfo;
    const page = await browser.open(`http://${ANOTHER_SITE}:${port}/`);
    const outcome = await page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve("open");
          socket.onclose = () => resolve("refused");
        }),
      gateway.ws("channels=news"),
    );
    expect(outcome).toBe("refused");
    expect(browser.complaints.join()).toContain("403");
    await page.close();
  });
});

/** Waits for a line of the page's log. */
async function shows(page: Page, source: string, text: string): Promise<void> {
  const line = page.locator("#log li").filter({ has: page.locator("b", { hasText: source }) });
  await line
    .filter({ has: page.locator("span", { hasText: text }) })
    .first()
    .waitFor({ timeout: 15_000 });
}

async function subscribe(page: Page, channel: string): Promise<void> {
  await page.fill("#channel", channel);
  await page.click("#subscribe");
  await page.locator('#channels li[data-state="subscribed"]', { hasText: channel }).waitFor();
}

async function publish(page: Page, channel: string, text: string): Promise<void> {
  await page.fill("#channel", channel);
  await page.fill("#text", text);
  await page.click("#publish");
}
