/**
 * A page of the dashboard as a reader has it, and what tests look for on it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import type { GatewayProcess } from "./gateway-process.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** In the order of the navigation. */
export const DASHBOARD_PAGES = [
  "Overview",
  "Workers",
  "Channels",
  "Connections",
  "Why",
  "Events",
  "Settings",
  "Drain and reload",
] as const;

/** Opens a page, once it shows what the gateway said. `hash`: without `#/`. */
export async function openDashboard(
  browser: Browser,
  gateway: Pick<GatewayProcess, "admin">,
  hash: string,
): Promise<Page> {
  const page = await browser.open(`${gateway.admin}/#/${hash}`);
  await page.waitForSelector("main h1");
  return page;
}

/** Follows the link of the navigation, and waits until the page has its lists. */
export async function goTo(page: Page, name: (typeof DASHBOARD_PAGES)[number]): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.waitForSelector(`nav a[aria-current]:text-is("${name}")`);
  await eventually(`${name} has its lists`, async () => !(await page.innerText("main")).includes("Asking"));
}

/** Waits until the page says it. Asks again where the page has a button for that. */
export async function says(page: Page, text: RegExp, ms?: number): Promise<void> {
  const said = async (): Promise<boolean> => {
    if (text.test(await page.innerText("main"))) return true;
    const again = page.getByRole("button", { name: "Ask again" });
    if ((await again.count()) > 0) await again.first().click();
    return false;
  };
  await eventually(`the page says ${text}`, said, ms);
}

/** What axe-core finds against the page: rule and elements. */
export async function violations(page: Page): Promise<unknown> {
  await page.evaluate(AXE);
  return page.evaluate(
    "axe.run().then(({violations}) => violations.map(({id, nodes}) => [id, nodes.map(({html}) => html)]))",
  );
}
