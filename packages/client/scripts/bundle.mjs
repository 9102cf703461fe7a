/**
 * Makes the browser bundle, dist/holdfast.min.js or the file that is named: one module, as small as it gets.
 *
 * esbuild joins and shortens, terser finds what is left. Internal names are shortened too (internal-names.mjs).
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
import { INTERNAL_NAMES } from "./internal-names.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [outfile = here("../dist/holdfast.min.js")] = process.argv.slice(2);

const { outputFiles } = await build({
  entryPoints: [here("../src/index.ts")],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2022",
  minify: true,
  mangleProps: new RegExp(`^(?:${INTERNAL_NAMES.join("|")})$`),
  legalComments: "none",
  define: { "Number.POSITIVE_INFINITY": "Infinity" },
  logLevel: "warning",
});
const { code } = await minify(outputFiles[0].text, {
  module: true,
  ecma: 2020,
  compress: {
    passes: 4,
    unsafe_arrows: true,
    pure_getters: true,
    keep_fargs: false,
    hoist_props: true,
    hoist_funs: true,
    inline: 1,
    lhs_constants: false,
    comparisons: false,
    booleans: false,
    unsafe: true,
  },
});
writeFileSync(outfile, code);
