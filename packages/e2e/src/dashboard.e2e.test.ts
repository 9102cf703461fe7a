/**
 * The dashboard in a real browser: its pages, its sign-in, and faults that its reader finds by it alone.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { Browser } from "./browser.js";
import { DASHBOARD_PAGES, goTo, openDashboard, says, violations } from "./dashboard-page.js";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { HandshakeRefused, PlainClient } from "./plain-client.js";
import { RawSocket } from "./raw-socket.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const NAMESPACES = { room: { historySize: 10, presence: true }, plain: { slowConsumer: "drop" } };
const MAX_CONNECTIONS = 12;
const KEY = "an-admin-key-of-the-test";
const READ_KEY = "a-key-that-only-looks";
const EVIL = "https://evil.example";
/** Large, because the kernels of both sides take megabytes before anything waits in the gateway. */
const PAD = "x".repeat(64 * 1024);
const MAX_PUBLICATIONS = 1000;

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let browser: Browser;

beforeAll(async () => {
  const limits = [
    "--max-connections",
    `${MAX_CONNECTIONS}`,
    "--command-rate",
    "5",
    "--max-outbox-bytes",
    "256KiB",
  ];
  const args = [...limits, "--namespaces", JSON.stringify(NAMESPACES), "--origins", "https://app.example"];
  gateway = shared.add(await GatewayProcess.start({ args }));
  browser = shared.add(await Browser.start());
}, 120_000);
afterEach(() => own.close());
afterAll(() => shared.close());

/** A page of the dashboard, once it shows what the gateway said. */
async function open(hash: string, of = gateway): Promise<Page> {
  const page = await openDashboard(browser, of, hash);
  own.add({ close: () => page.close() });
  return page;
}

describe("each page", () => {
  test("opens without complaint, and by axe's rules, in light and dark, wide and narrow", async () => {
    for (const user of [1, 2, 3])
      own.add(await PlainClient.connected(gateway.ws(), ["room:a", `room:${user}`]));
    await gateway.publish("room:a", { hello: 1 });
    const page = await open("overview");
    await says(page, /ready and serves its clients[\s\S]*Connections\s+3 of 12/);
    for (const name of DASHBOARD_PAGES) {
      await goTo(page, name);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect([name, colorScheme, await violations(page)]).toEqual([name, colorScheme, []]);
      }
      await page.setViewportSize({ width: 360, height: 640 });
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect([name, width]).toEqual([name, 360]);
      await page.setViewportSize({ width: 1100, height: 760 });
    }
    expect(browser.complaints).toEqual([]);
  });

  test("stays as narrow as the window while a chart has its width of before", async () => {
    const page = await open("overview");
    await page.setViewportSize({ width: 360, height: 640 });
    await page.waitForSelector(".charts .uplot");
    const width = await page.evaluate(
      "document.querySelector('.charts .uplot').style.width = '900px', document.documentElement.scrollWidth",
    );
    expect(width).toBe(360);
  });

  test("can be reached, searched and skipped to with the keyboard alone", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws(), ["room:k"]));
    const page = await open("overview");
    await says(page, /ready and serves/);
    const tabTo = async (matches: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(matches)})`)) return;
      }
      throw new Error(`the keyboard does not reach ${matches}`);
    };
    for (const [hash, says1] of [
      ["workers", /Loop delay/],
      ["settings", /not at their default/],
      ["drain", /Begin to drain/],
      ["connections", /Search by/],
    ] as const) {
      await tabTo(`nav a[href="#/${hash}"]`);
      await page.keyboard.press("Enter");
      await says(page, says1);
    }
    await tabTo("select[name=kind]");
    await page.keyboard.press("ArrowDown");
    expect(await page.inputValue("select[name=kind]")).toBe("session");
    await tabTo("input[name=client]");
    await page.keyboard.type(client.sid);
    await page.keyboard.press("Enter");
    await says(page, /May resume[\s\S]*room:k/);
    await tabTo(".danger");
    await tabTo(".skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
  });

  test("of a channel publishes a test message, and shows history and presence", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws(), ["room:t"]));
    const page = await open("channels?channel=room:t");
    await page.getByLabel("Test message, any JSON").fill('{"test": 1e2}');
    await page.getByRole("button", { name: "Publish to all subscribers" }).click();
    expect(await client.nextMessage()).toContain('{"test": 1e2}');
    await says(
      page,
      /Subscribers on this instance: 1[\s\S]*Newest offset 1[\s\S]*"test":100[\s\S]*1 sessions/,
    );
  });

  test("of a client disconnects it, once the operator has confirmed", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws(), ["room:t"]));
    const page = await open(`connections?session=${client.sid}`);
    await says(page, /room:t/);
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Disconnect" }).click();
    expect(await client.closed).toMatchObject({ reason: expect.any(String) });
    await says(page, /No connection of this client is on this instance/);
  });
});

describe("a reader of the dashboard finds", () => {
  test("a subscription that was denied, and why", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws()));
    expect(await client.command("subscribe", { channel: "user:bob" })).toHaveProperty("error");
    await says(await open("events"), /refused\s+forbidden/);
    const page = await open(`why?session=${client.sid}&channel=user:bob`);
    await says(page, /Fault\s+Session \S+ is connected and not subscribed to user:bob/);
    await says(page, /was refused with forbidden on user:bob/);
  });

  test("a page of a wrong origin", async () => {
    await expect(PlainClient.connect(gateway.ws(), { headers: { origin: EVIL } })).rejects.toThrow();
    await says(await open("events"), /turned-away\s+origin[\s\S]*evil\.example/);
  });

  test("a client over its rate", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws()));
    const page = await open("overview");
    const send = setInterval(() => {
      for (let n = 1; n <= 5; n++) client.send({ id: n, unsubscribe: { channel: "x" } });
    }, 100);
    own.add({ close: () => clearInterval(send) });
    await says(page, /Clients are over their rate/);
    await says(await open("events"), /limit_rate/);
  });

  test("a client that is slow", async () => {
    const raw = await RawSocket.open(gateway.ws("channels=plain:a"));
    own.add({ close: () => raw.destroy() });
    const welcome = await eventually("its welcome", () => raw.messages[0]);
    raw.socket.pause();
    const { sid } = JSON.parse(welcome).connect;
    const page = await open("overview");
    const isTold = async (): Promise<boolean> => /Slow clients: 1/.test(await page.innerText(".state"));
    for (let n = 0; n < MAX_PUBLICATIONS && !(await isTold()); n++)
      await gateway.publish("plain:a", { n, pad: PAD });
    await says(page, /Slow clients: 1 subscriptions are behind/);
    await page.getByRole("navigation").getByRole("link", { name: "Connections" }).click();
    await page.getByLabel("The slowest connections").getByRole("link", { name: sid }).click();
    // The first is in the navigation, the second one of the subscription, once it is shown.
    await page.getByRole("link", { name: "Why" }).nth(1).click();
    // The kernel may have taken more meanwhile: then the page tells of the incident.
    await says(page, /Session \S+ (reads too slowly for|fell behind on) plain:a/);
  });

  test("that the instance is full", async () => {
    const page = await open("overview");
    const fill = async (): Promise<boolean> => {
      try {
        own.add(await PlainClient.connected(gateway.ws()));
        return false;
      } catch (error) {
        if (error instanceof HandshakeRefused && error.status === 503) return true;
        throw error;
      }
    };
    await eventually("there is no room", fill);
    await says(page, /The instance is full: \d+ of 12 connections/);
  });

  test("a drain under way, which it began", async () => {
    // The clients of the full instance have just left.
    own.add(await eventually("there is room", () => PlainClient.connected(gateway.ws())));
    const page = await open("drain");
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Begin to drain" }).click();
    await says(page, /A drain is under way[\s\S]*Clients left/);
    expect(await page.getByRole("progressbar").count()).toBe(1);
  });
});

describe("with an admin key", () => {
  let keyed: GatewayProcess;

  beforeAll(async () => {
    const args = ["--admin-key", KEY, "--admin-read-key", READ_KEY];
    keyed = shared.add(await GatewayProcess.start({ args, until: "listening" }));
  });

  async function signIn(page: Page, key: string): Promise<void> {
    await page.getByLabel("Admin key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  test("it is asked for once, and the session lasts over a reload until it is ended", async () => {
    const page = await open("overview", keyed);
    await signIn(page, "another-key-than-it");
    await says(page, /This is not the admin key/);
    await signIn(page, KEY);
    await says(page, /serves its clients/);
    await page.reload();
    await says(page, /serves its clients/);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForSelector("input[type=password]");
    await keyed.logged(
      ({ msg, action }) => msg === "an admin request was refused" && action === "POST /api/login",
    );
  });

  test("the key that only reads shows everything and changes nothing", async () => {
    const page = await open("drain", keyed);
    await signIn(page, READ_KEY);
    await says(page, /serves its clients/);
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Begin to drain" }).click();
    await says(page, /This key only reads/);
  });
});
