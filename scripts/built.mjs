/**
 * Whether what `npm run build` makes is up to date: exit code 0 if it is, 1 if not. `npm start` asks it before it builds.
 *
 * `--mark` notes that a build has ended well, `--forget` that its outcome is gone. Plain JavaScript: it runs before anything is built.
 * Invariant: any source that came, went or changed since the note, and any missing outcome, is a no.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const note = join(root, "node_modules/.cache/holdfast/built");
/** Of a package, what its build reads; below `src` everything. */
const BESIDE_SOURCES = ["package.json", "tsconfig.json"];
/** One for each step of the build. */
const OUTCOMES = [
  "packages/cli/dist/main.js",
  "packages/cli/dist/demo/holdfast.js",
  "packages/cli/dist/dashboard/index.html",
  "packages/cli/dist/worker/worker-main.js",
  "packages/client/dist/index.js",
];

/** Name, size and time of each source, as one digest. */
function sources() {
  const hash = createHash("sha256");
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const path of ["package.json", "package-lock.json", "tsconfig.json"]) add(path);
  for (const name of readdirSync(join(root, "packages")).sort()) {
    const folder = join("packages", name);
    for (const file of BESIDE_SOURCES) if (existsSync(join(root, folder, file))) add(join(folder, file));
    for (const below of ["src", "scripts"]) {
      if (!existsSync(join(root, folder, below))) continue;
      const entries = readdirSync(join(root, folder, below), { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
        add(path.slice(root.length));
    }
  }
  return hash.digest("hex");
}

if (process.argv[2] === "--mark") {
  mkdirSync(join(note, ".."), { recursive: true });
  writeFileSync(note, sources());
} else if (process.argv[2] === "--forget") {
  rmSync(note, { force: true });
} else {
  const built =
    OUTCOMES.every((path) => existsSync(join(root, path))) &&
    existsSync(note) &&
    readFileSync(note, "utf8") === sources();
  process.exitCode = built ? 0 : 1;
}
