/**
 * The CommonJS copy of a package, for `require()` and for Jest's CommonJS mode: dist/cjs.
 *
 * Owns dist/cjs of the package in whose folder it runs: index.js is one file with all of the package's own
 * modules and those of @holdfast/*, package.json names the format, and the declarations are those of the ES
 * modules, read as CommonJS. Invariant: both formats come from one compilation, so types and run time agree.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { build } from "esbuild";

const dist = join(process.cwd(), "dist");
const target = join(dist, "cjs");
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
writeFileSync(join(target, "package.json"), '{ "type": "commonjs" }\n');
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (name.endsWith(".d.ts") && !name.startsWith(`cjs${sep}`)) cpSync(join(dist, name), join(target, name));
}
await build({
  entryPoints: [join(dist, "index.js")],
  outfile: join(target, "index.js"),
  bundle: true,
  format: "cjs",
  platform: "neutral",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
});
