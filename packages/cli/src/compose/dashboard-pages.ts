/**
 * The dashboard that the admin port serves: the files of packages/dashboard.
 *
 * Read once; `npm run bundle` puts them beside the built files, so that the published package has them.
 */
import { readFileSync } from "node:fs";
import type { StaticPage } from "@holdfast/gateway";
import { Failure, sentence } from "../failure.js";

/** By path of the URL: the file and its type. */
const FILES: Readonly<Record<string, readonly [file: string, contentType: string]>> = Object.freeze({
  "/": ["index.html", "text/html; charset=utf-8"],
  "/dashboard.js": ["dashboard.js", "text/javascript; charset=utf-8"],
  "/dashboard.css": ["dashboard.css", "text/css; charset=utf-8"],
});

/** `directory` ends with a slash. */
export function readDashboard(directory: URL): Readonly<Record<string, StaticPage>> {
  try {
    return Object.fromEntries(
      Object.entries(FILES).map(([path, [file, contentType]]) => [
        path,
        { contentType, body: readFileSync(new URL(file, directory)) },
      ]),
    );
  } catch (error) {
    throw new Failure(`the dashboard is missing: run \`npm run build\` (${sentence(error)})`, 1, {
      cause: error,
    });
  }
}
