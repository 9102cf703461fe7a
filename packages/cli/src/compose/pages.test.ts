import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "@jest/globals";
import { readPages, suggestionsFor } from "./pages.js";

const suggestions = { program: "npx holdfast", admin: " --url http://127.0.0.1:9100" };

it("serves the demo, its script and the SDK, which pages of any origin may import", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-pages-"));
  const url = pathToFileURL(`${directory}/`);
  expect(() => readPages(suggestions, url)).toThrow(/^the pages are missing: run `npm run build`/);
  for (const file of ["index.html", "demo.js", "holdfast.js"]) writeFileSync(join(directory, file), file);
  const pages = readPages(suggestions, url);
  expect(
    Object.entries(pages).map(([path, page]) => [path, page.contentType, String(page.body), page.anyOrigin]),
  ).toEqual([
    ["/", "text/html; charset=utf-8", "index.html", false],
    ["/demo.js", "text/javascript; charset=utf-8", "demo.js", false],
    ["/holdfast.js", "text/javascript; charset=utf-8", "holdfast.js", true],
  ]);
  rmSync(directory, { recursive: true });
});

it("says on the page how the program is called here, and where its admin port is", () => {
  const directory = new URL("../../dist/demo/", import.meta.url);
  const page = String(
    readPages({ program: "node '<a>.js'", admin: " --url http://x" }, directory)["/"]?.body,
  );
  expect(page).toContain("node '&lt;a&gt;.js' publish demo:lobby");
  expect(page).toContain("broadcast &quot;hello everyone&quot; --url http://x");
  expect(page).not.toMatch(/\{\{|npx/);
});

it("tells visitors from elsewhere no path and no address of this machine", () => {
  const admin = { adminHost: "127.0.0.1", adminPort: 9100 };
  expect(suggestionsFor({ host: "127.0.0.1", ...admin }, "node /srv/x.js")).toEqual({
    program: "node /srv/x.js",
    admin: " --url http://127.0.0.1:9100",
  });
  expect(suggestionsFor({ host: "0.0.0.0", ...admin }, "node /srv/x.js")).toEqual({
    program: "holdfast",
    admin: "",
  });
  expect(suggestionsFor({ host: "localhost", ...admin, adminPort: 9080 }, "npx holdfast").admin).toBe("");
});
