/**
 * The CommonJS copy of a package, for `require()` and for Jest's CommonJS mode: dist/cjs.
 *
 * Owns dist/cjs of the package in whose folder it runs: each entry that its package.json gives to `require()`
 * is one file with all modules that it uses, package.json names the format, and the declarations are those of the ES
 * modules, read as CommonJS. Invariant: both formats come from one compilation, so types and run time agree.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly require?: { readonly default: string } }>>;
};
const required = Object.values(exports).flatMap((entry) =>
  typeof entry === "string" || entry.require === undefined
    ? []
    : [entry.require.default.replace("./dist/cjs/", "")],
);
await build({
  entryPoints: required.map((path) => join(dist, path)),
  outbase: dist,
  outdir: target,
  bundle: true,
  format: "cjs",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
});
