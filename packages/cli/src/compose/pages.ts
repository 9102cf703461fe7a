/**
 * The pages that the public port serves: the demo at `/`, its script, and the client SDK.
 *
 * Read once; `npm run bundle` puts them beside the built files, so that the published package has them.
 */
import { readFileSync } from "node:fs";
import { isLoopback, type StaticPage } from "@holdfast/gateway/worker";
import { escapeMarkup } from "@holdfast/swarm/report";
import { DEFAULT_ADMIN_URL } from "../admin-client.js";
import type { Settings } from "../config/schema.js";
import { Failure, sentence } from "../failure.js";
import { urlHost } from "../output/url-host.js";

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** An application's page has another origin than the gateway, and imports the SDK from here all the same. */
const SDK_PATH = "/holdfast.js";

/** By path of the URL: the file and its type. */
const FILES: Readonly<Record<string, readonly [file: string, contentType: string]>> = Object.freeze({
  "/": ["index.html", HTML],
  "/demo.js": ["demo.js", SCRIPT],
  [SDK_PATH]: ["holdfast.js", SCRIPT],
});

/** What the demo page says of this gateway. */
export interface Suggestions {
  /** How the program is called. */
  readonly program: string;
  /** The flag that names the admin port; empty where it is the usual one. */
  readonly admin: string;
}

/** Visitors from elsewhere are not told the paths and addresses of this machine. */
export function suggestionsFor(
  {
    host,
    adminHost,
    adminPort,
    adminTlsCert,
  }: Pick<Settings, "host" | "adminHost" | "adminPort"> & Partial<Pick<Settings, "adminTlsCert">>,
  program: string,
): Suggestions {
  if (!isLoopback(host)) return { program: "holdfast", admin: "" };
  const scheme = adminTlsCert === undefined ? "http" : "https";
  const url = `${scheme}://${urlHost(adminHost)}:${adminPort === 0 ? "…" : adminPort}`;
  return { program, admin: url === DEFAULT_ADMIN_URL ? "" : ` --url ${url}` };
}

/** `directory` ends with a slash. */
export function readPages(
  suggestions: Suggestions,
  directory = new URL("../demo/", import.meta.url),
): Readonly<Record<string, StaticPage>> {
  try {
    return Object.fromEntries(
      Object.entries(FILES).map(([path, [file, contentType]]) => [
        path,
        {
          contentType,
          body: filled(readFileSync(new URL(file, directory)), file, suggestions),
          anyOrigin: path === SDK_PATH,
        },
      ]),
    );
  } catch (error) {
    throw new Failure(`the pages are missing: run \`npm run build\` (${sentence(error)})`, 1, {
      cause: error,
    });
  }
}

/** The page with its suggestions in their places. */
function filled(body: Buffer, file: string, { program, admin }: Suggestions): Buffer {
  if (file !== "index.html") return body;
  const text = body.toString().replaceAll("{{program}}", escapeMarkup(program));
  return Buffer.from(text.replaceAll("{{admin}}", escapeMarkup(admin)));
}
