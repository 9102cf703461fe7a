/**
 * A real browser: the system's Chromium, without a window and with a fresh profile.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { testTool } from "./test-tool.js";

/** A name under which the browser finds this machine, and which nothing here knows. */
export const ANOTHER_SITE = "another-site.example";

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A site elsewhere, for pages that must not come in: no name of this machine.
  `--host-resolver-rules=MAP ${ANOTHER_SITE} 127.0.0.1`,
];

export class Browser {
  /** Errors and refused resources that pages complained about. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    context.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
  }

  /** `more`: flags of Chromium beside those that every test has. */
  static async start(more: readonly string[] = []): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "holdfast-chromium-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: testTool("chromium"),
      args: [...ARGS, ...more],
      headless: true,
    });
    return new Browser(context, profile);
  }

  open(url: string): Promise<Page> {
    return this.#context.newPage().then(async (page) => {
      await page.goto(url);
      return page;
    });
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
