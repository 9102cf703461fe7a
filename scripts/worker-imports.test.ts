/**
 * What a worker loads at its start: a machine has up to one for each of many CPUs, and each has its own copy.
 * What a command loads, whose user waits for it.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** `import … from "x"`, `export … from "x"` and `import "x"`, but for types. */
const STATIC = /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const ONLY_TYPES = /^(?:import|export)\s*\{(?:\s*type\s[^,}]*,?)*\s*\}\s*from/;

/** Files of this repository that are loaded with `entry`, and the names of packages from elsewhere. */
function loadedWith(entry: string): { readonly files: string[]; readonly packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const [statement, specifier = ""] of readFileSync(join(ROOT, file), "utf8").matchAll(STATIC)) {
      if (ONLY_TYPES.test(statement)) continue;
      if (specifier.startsWith(".")) visit(join(dirname(file), specifier.replace(/\.js$/, ".ts")));
      else if (specifier.startsWith("@holdfast/")) visit(sourceOf(specifier));
      else packages.add(specifier);
    }
  };
  visit(entry);
  return { files: [...files], packages: [...packages] };
}

/** The source of an entry of one of our packages. */
function sourceOf(specifier: string): string {
  const [, name = "", path] = specifier.split("/");
  const source = join("packages", name, "src");
  if (path === undefined) return join(source, "index.ts");
  const file = join(source, `${path}.ts`);
  return existsSync(join(ROOT, file)) ? file : join(source, path, "index.ts");
}

test("a worker loads nothing that checks settings, no Redis where it has none, and nothing of the primary", () => {
  const { files, packages } = loadedWith("packages/cli/src/worker-main.ts");
  expect(files.length).toBeGreaterThan(200);
  expect(packages).toContain("pino");
  for (const heavy of ["zod", "ioredis", "commander", "jose"]) expect(packages).not.toContain(heavy);
  expect(files.filter((file) => file.startsWith("packages/gateway/src/primary/"))).toEqual([]);
  expect(files.filter((file) => file.startsWith("packages/redis/src/"))).toEqual([
    "packages/redis/src/target.ts",
  ]);
});

test("the program loads Redis only where it is used", () => {
  expect(loadedWith("packages/cli/src/compose.ts").packages).not.toContain("ioredis");
});

test("a command that asks a gateway loads no gateway, and no Redis; `version` not even the settings", () => {
  for (const name of ["publish", "status", "disconnect", "top"]) {
    const { files, packages } = loadedWith(`packages/cli/src/commands/${name}.ts`);
    expect(files).toContain("packages/gateway/src/checks.ts");
    expect(files.length).toBeGreaterThan(150);
    for (const heavy of ["ioredis", "jose", "prom-client", "ws"]) expect(packages).not.toContain(heavy);
  }
  const { packages } = loadedWith("packages/cli/src/main.ts");
  expect(packages).toContain("commander");
  expect(packages).not.toContain("zod");
});

test("a worker runs as one file, with Redis and spans in others, which no import of CommonJS slows", () => {
  const folder = join(ROOT, "packages/cli/dist/worker");
  const imports = (file: string): string[] =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/\b(?:import|from)"([^"]+)"/g)].flatMap(
      ([, specifier = ""]) => specifier,
    );
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const each of imports(file)) each.startsWith(".") ? visit(each) : seen.add(each);
  };
  visit("worker-main.js");
  const elsewhere = [...seen].filter((each) => !each.startsWith("node:") && !each.endsWith(".js"));
  expect(elsewhere).toEqual([]);
  const files = [...seen].filter((each) => each.endsWith(".js"));
  expect(files.length).toBeLessThanOrEqual(8);
  expect(files.join()).not.toContain("redis-backend");
});
