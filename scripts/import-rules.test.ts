import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { checkImports } from "./import-rules.js";

describe("checkImports", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "import-rules-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Writes the files below packages/ and returns what is wrong with them, as "file:line problem". */
  function check(files: Record<string, string>): string[] {
    for (const [file, source] of Object.entries(files)) {
      const path = join(root, "packages", file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, source);
    }
    return checkImports(root).map(({ file, line, problem }) => `${file}:${line} ${problem}`);
  }

  it("accepts what the table allows", () => {
    const violations = check({
      "protocol/src/index.ts": 'export * from "./codec.js";\nexport type { A } from "./codec.js";',
      "protocol/src/codec.ts": "export interface A {}\nexport const limit = 1;",
      "core/src/index.ts":
        'import { createHmac } from "node:crypto";\nimport { limit } from "@holdfast/protocol";',
      "core/src/testing/index.ts": 'import { it } from "@jest/globals";',
      "redis/src/broker.test.ts":
        'import { brokerContract } from "@holdfast/core/testing";\nlet redis: unknown;',
      "cli/src/main.ts": 'import { Command } from "commander";\nconst port = process.env["HOLDFAST_PORT"];',
      "e2e/src/harness.ts": 'import Redis from "ioredis";\nlet next = 0;',
    });
    expect(violations).toEqual([]);
  });

  it.each([
    ["protocol", 'import "@holdfast/core";', "protocol may import nothing"],
    ["protocol", 'import { readFileSync } from "node:fs";', "runs in browsers"],
    ["core", 'import Redis from "ioredis";', "core may import only @holdfast/protocol"],
    ["core", 'import { createServer } from "node:http";', "core has no sockets"],
    ["gateway", 'import type { RedisBroker } from "@holdfast/redis";', "gateway may import only"],
    ["client", 'export * from "ws";', "client may import only @holdfast/protocol"],
    ["redis", 'const core = await import("@holdfast/gateway");', "redis may import only"],
    ["redis", 'type T = import("pino").Logger;', "redis may import only"],
    ["cli", 'import { start } from "@holdfast/e2e";', "nobody imports @holdfast/e2e"],
    ["redis", 'import { hub } from "@holdfast/core/src/hub.js";', "export what you need from its index.ts"],
    ["redis", 'import { hub } from "../../core/src/hub.js";', "outside its src"],
    ["unheard-of", "export {};", "not in the table"],
  ])("refuses in %s: %s", (name, source, problem) => {
    const violations = check({ [`${name}/src/index.ts`]: source });
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(`packages/${name}/src/index.ts:1 `);
    expect(violations[0]).toContain(problem);
  });

  it.each([
    "process.env.PORT",
    'process["env"]',
    "globalThis.process.env",
    "(() => { const { env } = process; return env; })()",
  ])("refuses to read the environment outside the programs: %s", (expression) => {
    const violations = check({ "core/src/index.ts": `\nexport const value = ${expression};` });
    expect(violations).toEqual([
      expect.stringMatching(/^packages\/core\/src\/index\.ts:2 reads process\.env/),
    ]);
  });

  it("refuses an environment imported from node:process", () => {
    expect(check({ "core/src/index.ts": 'import { env } from "node:process";' })).toHaveLength(1);
  });

  it("refuses mutable state in a module, but not in a function", () => {
    const violations = check({
      "core/src/index.ts":
        "const é = 1;\nlet count = 0;\nexport var total = 0;\nfunction f() {\n  let x = 0;\n}",
    });
    expect(violations.map((each) => each.split(" ")[0])).toEqual([
      "packages/core/src/index.ts:2",
      "packages/core/src/index.ts:3",
    ]);
  });

  it("refuses an import cycle between files", () => {
    const violations = check({
      "redis/src/a.ts": 'import { b } from "./b.js";',
      "redis/src/b.ts": '\nimport { c } from "./c.js";',
      "redis/src/c.ts": '\n\nimport { a } from "./a.js";',
    });
    expect(violations[0]).toBe(
      "packages/redis/src/c.ts:3 closes an import cycle: packages/redis/src/a.ts -> packages/redis/src/b.ts -> " +
        "packages/redis/src/c.ts -> packages/redis/src/a.ts; move what both need to a third file",
    );
  });

  it("reads components, and follows imports of them", () => {
    const violations = check({
      "examples/src/a.ts": 'import { B } from "./b.js";\nexport const a = B;',
      "examples/src/b.tsx": 'import { a } from "./a.js";\nexport const B = () => <b>{a}</b>;',
    });
    expect(violations).toEqual([
      expect.stringMatching(/^packages\/examples\/src\/b\.tsx:1 closes an import cycle/),
    ]);
  });

  it("refuses a cycle of types, although they are erased", () => {
    const violations = check({
      "redis/src/a.ts": 'import type { B } from "./b.js";',
      "redis/src/b.ts": 'import { a } from "./a.js";',
    });
    expect(violations).toEqual([
      expect.stringMatching(/^packages\/redis\/src\/b\.ts:1 closes an import cycle/),
    ]);
  });

  it("refuses an import from a higher folder, of a type too", () => {
    const violations = check({
      "core/src/delivery/batch.ts": '\nimport type { Connection } from "../connection/connection.js";',
      "core/src/connection/connection.ts": "export interface Connection {}",
      "core/src/connection/registry.ts": 'import "../delivery/batch.js";',
    });
    expect(violations).toEqual([
      "packages/core/src/delivery/batch.ts:2 delivery imports connection/connection.ts, but connection lies above it " +
        "(scripts/folder-rules.ts): take an interface instead",
    ]);
  });

  it("refuses a folder that has no place yet", () => {
    const violations = check({
      "core/src/attic/box.ts": 'import "../runtime/clock.js";',
      "core/src/runtime/clock.ts": "export {};",
    });
    expect(violations).toEqual([expect.stringContaining("attic has no place in scripts/folder-rules.ts")]);
  });

  it("refuses a circle of folders where no file closes one", () => {
    const violations = check({
      "redis/src/one/a.ts": 'import "../two/b.js";',
      "redis/src/two/b.ts": "export {};",
      "redis/src/two/c.ts": 'import "../one/d.js";',
      "redis/src/one/d.ts": "export {};",
    });
    expect(violations).toEqual([expect.stringContaining("closes a circle of folders: one leads to two")]);
  });
});
