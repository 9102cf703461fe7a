/**
 * The pages that the public port serves: the demo at `/`, its script, and the client SDK.
 *
 * Read once; `npm run bundle` puts them beside the built files, so that the published package has them.
 */
import { readFileSync } from "node:fs";
import type { StaticPage } from "@holdfast/gateway";
import { Failure, sentence } from "./failure.js";

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

/** `directory` ends with a slash. */
export function readPages(
  directory = new URL("./demo/", import.meta.url),
): Readonly<Record<string, StaticPage>> {
  try {
    return Object.fromEntries(
      Object.entries(FILES).map(([path, [file, contentType]]) => [
        path,
        { contentType, body: readFileSync(new URL(file, directory)), anyOrigin: path === SDK_PATH },
      ]),
    );
  } catch (error) {
    throw new Failure(`the pages are missing: run \`npm run build\` (${sentence(error)})`, 1, {
      cause: error,
    });
  }
}
