/**
 * Makes dist/worker/worker-main.js of dist/worker-main.js: our own modules as one file, so that a worker
 * process has neither a module of the loader nor the text of each of them (docs/adr/0067-base-memory.md).
 *
 * Packages of others stay where npm put them. Those in CommonJS are required, not imported: an import reads the
 * text of each for its names first. Invariants: a module finds its files and its packages where it would
 * unbundled; all that a worker loads later than at its start is in the bundle.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const outdir = here("../dist/worker");
const COMMONJS = ["@msgpack/msgpack", "ioredis", "pino", "prom-client", "ws"];
const OWN = /packages\/([\w-]+)\/dist\/.*\.js$/;

/** The package of ours that a file belongs to: its name, and its dist folder. */
function ownPackage(file) {
  const [path] = OWN.exec(file);
  const folder = join(file.slice(0, -path.length), ...path.split("/").slice(0, 3));
  const { name } = JSON.parse(readFileSync(join(dirname(folder), "package.json"), "utf8"));
  return { name, folder };
}

/** Code for the URL that `import.meta.url` was before. */
function urlOf(file) {
  const { name, folder } = ownPackage(file);
  const path = JSON.stringify(`./${relative(folder, file)}`);
  const base = name === "holdfast" ? 'new URL("../", import.meta.url)' : `import.meta.resolve("${name}")`;
  return `new URL(${path}, ${base}).href`;
}

const places = {
  name: "places",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: OWN }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (!text.includes("import.meta.url")) return undefined;
      return { contents: text.replaceAll("import.meta.url", urlOf(path)), resolveDir: dirname(path) };
    });
    onResolve({ filter: new RegExp(`^(${COMMONJS.join("|")})$`) }, ({ path, importer, namespace }) =>
      namespace === "required"
        ? { path, external: true }
        : { path, namespace: "required", pluginData: importer },
    );
    onLoad({ filter: /./, namespace: "required" }, ({ path, pluginData }) => {
      const { name } = ownPackage(pluginData);
      return { contents: `module.exports = requireFrom("${name}", "${path}");`, loader: "js" };
    });
  },
};

const REQUIRE_FROM = `import { createRequire as requireBeside } from "node:module";
const requireFrom = (owner, name) =>
  requireBeside(owner === "holdfast" ? import.meta.url : import.meta.resolve(owner))(name);`;

const { metafile } = await build({
  entryPoints: [here("../dist/worker-main.js")],
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["@opentelemetry/api", "jose"],
  plugins: [places],
  banner: { js: REQUIRE_FROM },
  // The names stay, and there are lines: what a stack says can be found.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 110,
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
});
// Only now what an earlier build left: a gateway that runs from here starts workers at any time.
const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync(outdir)) if (!made.has(name)) rmSync(join(outdir, name));
