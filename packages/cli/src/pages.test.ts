import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "@jest/globals";
import { readPages } from "./pages.js";

it("serves the demo, its script and the SDK, which pages of any origin may import", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-pages-"));
  const url = pathToFileURL(`${directory}/`);
  expect(() => readPages(url)).toThrow(/^the pages are missing: run `npm run build`/);
  for (const file of ["index.html", "demo.js", "holdfast.js"]) writeFileSync(join(directory, file), file);
  const pages = readPages(url);
  expect(
    Object.entries(pages).map(([path, page]) => [path, page.contentType, String(page.body), page.anyOrigin]),
  ).toEqual([
    ["/", "text/html; charset=utf-8", "index.html", false],
    ["/demo.js", "text/javascript; charset=utf-8", "demo.js", false],
    ["/holdfast.js", "text/javascript; charset=utf-8", "holdfast.js", true],
  ]);
  rmSync(directory, { recursive: true });
});
