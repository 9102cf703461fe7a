/**
 * Which package may import which, and the rules that go with it: no cycles between files, types included, no
 * reaching into another package, no process.env outside the programs, no mutable module state in what is
 * published. The direction of folders inside a package is in folder-rules.ts.
 *
 * Reads sources only; the table below is the one to change (with an ADR) when the architecture changes.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { parseSync } from "@swc/core";
import { type Arrow, checkFolders } from "./folder-rules.js";

/**
 * What each package's sources may import, besides their own files. "*" allows everything but the private
 * packages. `node` says whether Node's own modules are allowed. Tests may also import what `testImports`
 * names.
 */
const allowed: Readonly<Record<string, { readonly imports: readonly string[]; readonly node: boolean }>> = {
  protocol: { node: false, imports: [] },
  core: { node: true, imports: ["@holdfast/protocol", "@msgpack/msgpack"] },
  redis: { node: true, imports: ["@holdfast/core", "@holdfast/protocol", "ioredis"] },
  gateway: {
    node: true,
    imports: [
      "@holdfast/core",
      "@holdfast/protocol",
      "@socket.io/sticky",
      "jose",
      "pino",
      "prom-client",
      "ws",
    ],
  },
  client: { node: false, imports: ["@holdfast/protocol", "@msgpack/msgpack"] },
  swarm: { node: true, imports: ["@holdfast/protocol", "@holdfast/client"] },
  platform: { node: false, imports: [] },
  doctor: { node: false, imports: ["@holdfast/platform"] },
  aws: {
    node: true,
    imports: [
      "@holdfast/platform",
      "@aws-sdk/client-auto-scaling",
      "@aws-sdk/client-cloudwatch",
      "@aws-sdk/ec2-metadata-service",
    ],
  },
  // Its built files are copied into cli, which imports nothing of it.
  dashboard: { node: false, imports: ["preact", "uplot"] },
  cli: {
    node: true,
    imports: [
      "@holdfast/protocol",
      "@holdfast/core",
      "@holdfast/redis",
      "@holdfast/gateway",
      "@holdfast/client",
      "@holdfast/swarm",
      "@holdfast/platform",
      "@holdfast/doctor",
      "@holdfast/aws",
      "@opentelemetry/api",
      "commander",
      "jose",
      "pino",
      "pino-pretty",
      "ws",
      "zod",
    ],
  },
  e2e: { node: true, imports: ["*"] },
  bench: { node: true, imports: ["*"] },
  examples: { node: true, imports: ["*"] },
};

/** Core must stay without sockets, whatever else of Node it uses. */
const forbiddenInCore = /^(node:)?(net|tls|http|https|http2|dgram|cluster|child_process)(\/|$)/;

/**
 * Tests, the exported contract suites of core, and the doubles of client and doctor (src/testing). Tests may
 * use any module of Node.
 */
const testImports = [
  "@jest/globals",
  "fast-check",
  "@holdfast/core/testing",
  "@opentelemetry/sdk-trace-base",
  "ws",
];
const privatePackages = ["@holdfast/dashboard", "@holdfast/e2e", "@holdfast/bench", "@holdfast/examples"];
const mayReadEnvironment = ["cli", "e2e", "bench", "examples"];
const mayHaveModuleState = ["e2e", "bench", "examples"];

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

interface Import {
  readonly specifier: string;
  readonly line: number;
}

export function checkImports(root: string): Violation[] {
  const violations: Violation[] = [];
  const graph = new Map<string, Import[]>();
  const packages = join(root, "packages");
  for (const name of existsSync(packages) ? readdirSync(packages).sort() : []) {
    const src = join(packages, name, "src");
    if (!existsSync(src)) continue;
    for (const entry of readdirSync(src, { recursive: true, encoding: "utf8" }).sort()) {
      if (!/\.(ts|mts|cts|tsx)$/.test(entry) || entry.endsWith(".d.ts")) continue;
      const path = join(src, entry);
      const file = relative(root, path).split(sep).join("/");
      const found = readModule(readFileSync(path, "utf8"), path.endsWith(".tsx"));
      graph.set(path, found.imports);
      const report = (line: number, problem: string): unknown => violations.push({ file, line, problem });
      checkDirection(name, file, path, src, found.imports, report);
      if (!mayReadEnvironment.includes(name)) {
        for (const line of found.environmentReads) {
          report(line, "reads process.env: take the value as an option; packages/cli reads the environment");
        }
      }
      if (!mayHaveModuleState.includes(name) && !isTest(file)) {
        for (const line of found.moduleState) {
          report(line, "keeps state in the module: make it const, or a field of an object that is passed in");
        }
      }
    }
  }
  return [...violations, ...findCycles(root, graph), ...findBackward(root, graph)];
}

/** Imports between folders of one package that run against their direction. */
function findBackward(root: string, graph: ReadonlyMap<string, readonly Import[]>): Violation[] {
  const arrows = new Map<string, Arrow[]>();
  for (const [path, imports] of graph) {
    const [, name = "", , ...rest] = relative(root, path).split(sep);
    const from = rest.join("/");
    if (isTest(`packages/${name}/src/${from}`) || /(^|\/)testing\//.test(from)) continue;
    const src = join(root, "packages", name, "src");
    for (const { specifier, line } of imports) {
      if (!specifier.startsWith(".")) continue;
      const target = sourceOf(join(dirname(path), specifier), graph);
      const to = relative(src, target).split(sep).join("/");
      if (!graph.has(target) || to.startsWith("..")) continue;
      const list = arrows.get(name) ?? [];
      list.push({ from, to, line });
      arrows.set(name, list);
    }
  }
  return [...arrows].flatMap(([name, list]) =>
    checkFolders(name, list).map(({ file, line, problem }) => ({
      file: `packages/${name}/src/${file}`,
      line,
      problem,
    })),
  );
}

function checkDirection(
  name: string,
  file: string,
  path: string,
  src: string,
  imports: readonly Import[],
  report: (line: number, problem: string) => void,
): void {
  const rule = allowed[name];
  if (rule === undefined) {
    report(1, `package ${name} is not in the table of scripts/import-rules.ts: add it`);
    return;
  }
  const test = isTest(file);
  for (const { specifier, line } of imports) {
    const packageName = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    if (specifier.startsWith(".")) {
      const outside = relative(src, join(dirname(path), specifier)).startsWith("..");
      if (outside) report(line, `imports ${specifier} outside its src: use the package's name`);
    } else if (isBuiltin(specifier)) {
      if (test) continue;
      if (!rule.node)
        report(line, `imports ${specifier}: ${name} runs in browsers and may not use Node's modules`);
      else if (name === "core" && forbiddenInCore.test(specifier)) {
        report(line, `imports ${specifier}: core has no sockets or processes; put it behind a seam`);
      }
    } else if (privatePackages.includes(packageName)) {
      report(line, `imports ${specifier}: nobody imports ${packageName}; move what is shared to a package`);
    } else if (/^@holdfast\/[^/]+\/(src|dist)(\/|$)/.test(specifier)) {
      report(line, `imports ${specifier}: import ${packageName} and export what you need from its index.ts`);
    } else if (test && (testImports.includes(specifier) || packageName === "@jest/globals")) {
    } else if (!rule.imports.includes("*") && !rule.imports.includes(packageName)) {
      const list = rule.imports.length === 0 ? "nothing" : `only ${rule.imports.join(", ")}`;
      report(line, `imports ${specifier}: ${name} may import ${list} (scripts/import-rules.ts)`);
    }
  }
}

function isTest(file: string): boolean {
  return file.endsWith(".test.ts") || /^packages\/(core|client|doctor)\/src\/testing\//.test(file);
}

function findCycles(root: string, graph: ReadonlyMap<string, readonly Import[]>): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    trail.push(path);
    for (const { specifier, line } of graph.get(path) ?? []) {
      if (!specifier.startsWith(".")) continue;
      const target = sourceOf(join(dirname(path), specifier), graph);
      const start = trail.indexOf(target);
      if (start >= 0) {
        const names = [...trail.slice(start), target].map((each) =>
          relative(root, each).split(sep).join("/"),
        );
        const problem = `closes an import cycle: ${names.join(" -> ")}; move what both need to a third file`;
        violations.push({ file: relative(root, path).split(sep).join("/"), line, problem });
      } else if (graph.has(target) && !done.has(target)) visit(target);
    }
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) if (!done.has(path)) visit(path);
  return violations;
}

/** Sources import "./x.js", the name that exists once built. */
function sourceOf(built: string, graph: ReadonlyMap<string, unknown>): string {
  const source = built.replace(/\.js$/, ".ts");
  return graph.has(source) ? source : `${source}x`;
}

interface ModuleFacts {
  readonly imports: Import[];
  readonly environmentReads: number[];
  readonly moduleState: number[];
}

/** The parts of the parser's tree that are looked at; everything else is only walked through. */
export interface Node {
  readonly type: string;
  readonly span: { readonly start: number; readonly end: number };
  readonly [key: string]: unknown;
}

function readModule(source: string, tsx: boolean): ModuleFacts {
  // Positions are bytes counted from wherever the parser stands; an empty statement in front shows where that
  // is.
  const bytes = Buffer.from(`;${source}`);
  const tree = parseSync(`;${source}`, { syntax: "typescript", tsx, target: "es2022" }) as unknown as Node;
  const body = tree.body as readonly Node[];
  const base = body[0]?.span.start ?? 0;
  const lineOf = (node: Node): number => {
    let line = 1;
    const end = node.span.start - base;
    for (let at = 0; at < end; at++) if (bytes[at] === 10) line++;
    return line;
  };
  const facts: ModuleFacts = { imports: [], environmentReads: [], moduleState: [] };
  for (const item of body) {
    const declared = item.type === "ExportDeclaration" ? (item.declaration as Node) : item;
    if (declared.type === "VariableDeclaration" && declared.kind !== "const" && declared.declare !== true) {
      facts.moduleState.push(lineOf(item));
    }
  }
  walk(tree, (node) => {
    const imported = importOf(node);
    if (imported !== undefined) facts.imports.push({ ...imported, line: lineOf(node) });
    if (readsEnvironment(node)) facts.environmentReads.push(lineOf(node));
  });
  return facts;
}

function importOf(node: Node): Omit<Import, "line"> | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration": {
      const from = node.source as { value: string } | null;
      return from ? { specifier: from.value } : undefined;
    }
    case "CallExpression": {
      if ((node.callee as Node).type !== "Import") return undefined;
      const [first] = node.arguments as readonly { expression: Node }[];
      if (first?.expression.type !== "StringLiteral") return undefined;
      return { specifier: String(first.expression.value) };
    }
    case "TsImportType":
      return { specifier: (node.argument as { value: string }).value };
    default:
      return undefined;
  }
}

/** `process.env`, `process["env"]`, `const { env } = process` and `import { env } from "node:process"`. */
function readsEnvironment(node: Node): boolean {
  if (node.type === "MemberExpression") {
    const property = node.property as Node;
    const name = property.type === "Computed" ? (property.expression as Node).value : property.value;
    return isProcess(node.object as Node) && name === "env";
  }
  if (node.type === "VariableDeclarator") {
    const init = node.init as Node | null;
    return init !== null && isProcess(init) && mentionsEnv(node.id as Node);
  }
  if (node.type !== "ImportDeclaration") return false;
  return /^(node:)?process$/.test((node.source as { value: string }).value) && mentionsEnv(node);
}

function isProcess(node: Node): boolean {
  if (node.type === "Identifier") return node.value === "process";
  return node.type === "MemberExpression" && (node.property as Node).value === "process";
}

function mentionsEnv(node: Node): boolean {
  let found = false;
  walk(node, (each) => {
    if (each.type === "Identifier" && each.value === "env") found = true;
  });
  return found;
}

export function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value && "span" in value) visit(value as Node);
    for (const child of Object.values(value)) walk(child, visit);
  }
}
