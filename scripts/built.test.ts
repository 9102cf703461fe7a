import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

describe("whether the build is up to date", () => {
  let root = "";
  const put = (path: string, text = "x"): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const isBuilt = (): boolean =>
    spawnSync(process.execPath, [join(root, "scripts/built.mjs")], { encoding: "utf8" }).status === 0;
  const mark = (how = "--mark"): unknown =>
    execFileSync(process.execPath, [join(root, "scripts/built.mjs"), how]);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-built-"));
    mkdirSync(join(root, "scripts"));
    cpSync("scripts/built.mjs", join(root, "scripts/built.mjs"));
    for (const path of ["package.json", "package-lock.json", "tsconfig.json"]) put(path);
    for (const path of ["main.js", "demo/holdfast.js", "dashboard/index.html", "worker/worker-main.js"])
      put(`packages/cli/dist/${path}`);
    put("packages/client/dist/index.js");
    put("packages/core/src/deep/a.ts");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("says no before a build, and yes after it", () => {
    expect(isBuilt()).toBe(false);
    mark();
    expect(isBuilt()).toBe(true);
    mark("--forget");
    expect(isBuilt()).toBe(false);
  });

  it.each<[string, () => void]>([
    ["a source changed", () => put("packages/core/src/deep/a.ts", "longer")],
    ["a source is older than it was", () => utimesSync(join(root, "packages/core/src/deep/a.ts"), 1, 1)],
    ["a source came", () => put("packages/core/src/b.ts")],
    ["a source went", () => rmSync(join(root, "packages/core/src/deep/a.ts"))],
    ["another package was installed", () => put("package-lock.json", "other")],
    ["an outcome is gone", () => rmSync(join(root, "packages/cli/dist/main.js"))],
  ])("says no when %s", (_what, change) => {
    mark();
    expect(isBuilt()).toBe(true);
    change();
    expect(isBuilt()).toBe(false);
  });
});

it("npm start asks, and every build notes", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  expect(scripts.start).toMatch(/^node scripts\/built\.mjs \|\| npm run --silent build && exec /);
  expect(scripts.build).toMatch(/&& node scripts\/built\.mjs --mark$/);
});
