/**
 * The names that others rely on: exports of the packages, settings, metrics, codes, words of the protocol,
 * admin paths, Redis keys.
 *
 * Reads sources and documents only. public-names.json has those of the day before the restructuring (issue
 * 13); public-names.test.ts finds each of them still there. A name may be added freely. One may go only with
 * a major version.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type PublicNames = Readonly<Record<string, readonly string[]>>;

const ENTRIES = [
  "packages/protocol/src/index.ts",
  "packages/core/src/index.ts",
  "packages/core/src/testing/index.ts",
  "packages/redis/src/index.ts",
  "packages/redis/src/testing/index.ts",
  "packages/gateway/src/index.ts",
  "packages/client/src/index.ts",
  "packages/client/src/msgpack/index.ts",
  "packages/swarm/src/index.ts",
  "packages/swarm/src/measure/index.ts",
  "packages/swarm/src/report/index.ts",
  "packages/platform/src/index.ts",
  "packages/doctor/src/index.ts",
  "packages/aws/src/index.ts",
];
/** Documents, and what of their lines is a name. */
const DOCUMENTS: readonly (readonly [file: string, name: RegExp])[] = [
  ["docs/configuration.md", /^\|\s*`([^`]+)`/],
  ["docs/metrics.md", /^\|\s*`([^`]+)`/],
  ["docs/codes.md", /`([a-z_]+)`/],
  ["docs/protocol.md", /`([a-z][A-Za-z_]*)`/],
  ["docs/openapi.json", /^\s*"(\/[^"]*)": \{/],
  ["docs/operations.md", /`((?:GET|POST|DELETE|PUT) \/[^`\s?]*)/],
  ["packages/redis/src/keys.ts", /[`"]\$\{[^}]*prefix\}([a-z:{}$.]+)/i],
];

export function publicNames(root: string): PublicNames {
  const names: Record<string, string[]> = {};
  for (const entry of ENTRIES) names[entry] = [...exportsOf(join(root, entry))].sort();
  for (const [file, pattern] of DOCUMENTS)
    names[file] = [...new Set(matches(join(root, file), pattern))].sort();
  return names;
}

function matches(path: string, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    for (const match of line.matchAll(new RegExp(pattern, "g")))
      if (match[1] !== undefined) found.push(match[1]);
  }
  return found;
}

/** Exported names of a module, those of `export *` included. */
function exportsOf(path: string): Set<string> {
  const names = new Set<string>();
  const source = readFileSync(path, "utf8");
  for (const match of source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
    for (const item of (match[1] ?? "").split(",")) {
      const name = item.trim().split(/\s+/).at(-1);
      if (name) names.add(name);
    }
  }
  for (const match of source.matchAll(
    /^export (?:declare |abstract |async )*(?:class|function\*?|interface|type|const|let|enum) (\w+)/gm,
  ))
    if (match[1] !== undefined) names.add(match[1]);
  for (const match of source.matchAll(/^export \* from "(\.[^"]+)\.js"/gm)) {
    const target = join(dirname(path), `${match[1]}.ts`);
    if (existsSync(target)) for (const name of exportsOf(target)) names.add(name);
  }
  return names;
}
