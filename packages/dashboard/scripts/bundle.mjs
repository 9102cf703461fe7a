/**
 * Makes the three files of the dashboard in dist/page: index.html, dashboard.js and dashboard.css. None has anything
 * inline, and none loads anything from elsewhere.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { resolve } = createRequire(import.meta.url);

mkdirSync(here("../dist/page"), { recursive: true });
await build({
  entryPoints: [here("../src/main.tsx")],
  outfile: here("../dist/page/dashboard.js"),
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
const styles = [resolve("uplot/dist/uPlot.min.css"), here("../src/dashboard.css")];
const { code } = await transform(styles.map((path) => readFileSync(path, "utf8")).join("\n"), {
  loader: "css",
  minify: true,
});
writeFileSync(here("../dist/page/dashboard.css"), code);
copyFileSync(here("../src/index.html"), here("../dist/page/index.html"));
