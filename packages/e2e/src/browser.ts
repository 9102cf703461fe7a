/**
 * A real browser: the system's Chromium, without a window and with a fresh profile.
 *
 * The executable is found as scripts/ensure-test-tools.ts finds it, from the same scripts/test-tools.json.
 */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { REPOSITORY } from "./program.js";

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
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

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "holdfast-chromium-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: findChromium(),
      args: ARGS,
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

function findChromium(): string {
  const { chromium: tool } = JSON.parse(
    readFileSync(join(REPOSITORY, "scripts/test-tools.json"), "utf8"),
  ) as { chromium: { env: string; commands: string[] } };
  const named = process.env[tool.env];
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const command of named === undefined ? tool.commands : [named]) {
    const places = isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command));
    const found = places.find(isExecutable);
    if (found !== undefined) return found;
  }
  throw new Error("no Chromium on this machine: `node scripts/dist/ensure-test-tools.js` installs one");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
