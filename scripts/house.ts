/**
 * The house in numbers: `npm run house [-- root]` prints how big files, classes and functions are and how
 * folders hang together.
 *
 * Reads the sources of packages/, without tests. Its rows with a limit end with `over` where the limit is
 * passed.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync } from "@swc/core";
import { checkImports, type Node, walk } from "./import-rules.js";
import { vagueSubjects, vagueTexts } from "./plain-english.js";

/** The limits of the house (docs/architecture.md and CONTRIBUTING.md). */
const MAX_FILES_PER_FOLDER = 22;
const MAX_MEMBERS = 25;
const MAX_FUNCTION_LINES = 60;
const MAX_FILE_LINES = 320;
const MAX_COLUMNS = 110;
const GENERATED = /^docs\/(wrong-inputs|configuration|limits|metrics|codes|doctor|scale)\.md$/;
/** Published packages: their exported type names may have one meaning each. */
const PUBLISHED = [
  "protocol",
  "core",
  "redis",
  "gateway",
  "client",
  "swarm",
  "platform",
  "doctor",
  "aws",
  "cli",
];
/** Packages whose log lines and errors operators and backends read. */
const SPEAKING = [
  "gateway",
  "core",
  "redis",
  "cli",
  "aws",
  "platform",
  "doctor",
  "client",
  "swarm",
  "protocol",
];
/**
 * Types that the SDK declares again with the meaning they have in core, because it must not import core: a
 * clock, its timers, and one connection's subscription to a channel.
 */
const MIRRORED_BY_CLIENT = ["Clock", "Timer", "Subscription"];

interface Source {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

export interface House {
  readonly arrows: number;
  readonly backward: number;
  readonly circles: number;
  readonly crowdedFolders: readonly string[];
  readonly bigClasses: readonly string[];
  readonly longFunctions: readonly string[];
  readonly longFiles: readonly string[];
  readonly wideComments: readonly string[];
  /**
   * Lines of prose in documents that are written by hand; tables, code and headings are as wide as they are.
   */
  readonly wideProse: readonly string[];
  /**
   * Sentences without a plain subject (plain-english.ts): of comments and names of tests, also in tests and
   * scripts; of log lines and errors.
   */
  readonly vagueSubjects: readonly string[];
  readonly twoMeanings: readonly string[];
}

export function house(root: string): House {
  const sources = sourcesOf(root);
  const problems = checkImports(root).map(({ problem }) => problem);
  const shapes = sources.map((source) => ({ ...shapeOf(source.text, source.file), file: source.file }));
  return {
    arrows: arrowsBetweenFolders(sources),
    backward: problems.filter((each) => /lies above it|circle of folders/.test(each)).length,
    circles: problems.filter((each) => each.includes("import cycle")).length,
    crowdedFolders: crowded(sources),
    bigClasses: shapes.flatMap(({ file, classes }) => classes.map((each) => `${file} ${each}`)),
    longFunctions: shapes.flatMap(({ file, functions }) => functions.map((each) => `${file} ${each}`)),
    longFiles: sources
      .map(({ file, text }) => ({ file, lines: text.split("\n").length - 1 }))
      .filter(({ lines }) => lines > MAX_FILE_LINES)
      .map(({ file, lines }) => `${file} ${lines}`),
    wideComments: sources.flatMap(({ file, text }) => wideComments(file, text)),
    wideProse: documentsOf(root).flatMap((file) => wideProse(file, readFileSync(join(root, file), "utf8"))),
    vagueSubjects: [
      ...[...everySource(root)].flatMap(({ file, text }) => located(file, vagueSubjects(text))),
      ...sources
        .filter(({ file, name }) => SPEAKING.includes(name) && !/\/testing\/|\.tsx$/.test(file))
        .flatMap(({ file, text }) => located(file, vagueTexts(text))),
    ],
    twoMeanings: twoMeanings(sources),
  };
}

function located(file: string, problems: readonly string[]): string[] {
  return problems.map((each) => `${file}:${each}`);
}

function sourcesOf(root: string): Source[] {
  const found: Source[] = [];
  for (const name of readdirSync(join(root, "packages")).sort()) {
    const src = join(root, "packages", name, "src");
    for (const entry of readdirSync(src, { recursive: true, encoding: "utf8" }).sort()) {
      if (!/\.tsx?$/.test(entry) || /\.test\.tsx?$/.test(entry)) continue;
      found.push({
        file: `packages/${name}/src/${entry}`,
        name,
        text: readFileSync(join(src, entry), "utf8"),
      });
    }
  }
  return found;
}

/** Sources of packages with their tests and scripts, and the scripts of the repository. */
function* everySource(root: string): Generator<{ readonly file: string; readonly text: string }> {
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}`);
  const folders = [...packages.flatMap((name) => [`${name}/src`, `${name}/scripts`]), "scripts"];
  for (const folder of folders.filter((each) => existsSync(join(root, each)))) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort()) {
      if (!/\.[cm]?[jt]sx?$/.test(entry) || entry.startsWith("dist/")) continue;
      yield { file: `${folder}/${entry}`, text: readFileSync(join(root, folder, entry), "utf8") };
    }
  }
}

function arrowsBetweenFolders(sources: readonly Source[]): number {
  const arrows = new Set<string>();
  for (const { file, text } of sources) {
    for (const [, specifier = ""] of text.matchAll(/from "(\.[^"]+)"/g)) {
      const target = dirname(normalize(join(dirname(file), specifier)));
      if (target !== dirname(file)) arrows.add(`${dirname(file)} ${target}`);
    }
  }
  return arrows.size;
}

function crowded(sources: readonly Source[]): string[] {
  const counts = new Map<string, number>();
  for (const { file } of sources) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([folder, count]) => count > MAX_FILES_PER_FOLDER && !/(commands|testing|e2e\/src)$/.test(folder))
    .map(([folder, count]) => `${folder} ${count}`);
}

/** Classes and functions of a file that are over the limits. */
function shapeOf(text: string, file: string): { readonly classes: string[]; readonly functions: string[] } {
  const bytes = Buffer.from(`;${text}`);
  const options = { syntax: "typescript", tsx: file.endsWith("x"), target: "es2022" } as const;
  const tree = parseSync(`;${text}`, options) as unknown as Node;
  const base = (tree.body as readonly Node[])[0]?.span.start ?? 0;
  const linesIn = ({ span }: Node): number =>
    bytes
      .subarray(span.start - base, span.end - base)
      .toString()
      .split("\n").length;
  const classes: string[] = [];
  const functions: string[] = [];
  walk(tree, (node) => {
    if (node.type === "ClassDeclaration" || node.type === "ClassExpression") {
      const members = (node.body as readonly Node[]).length;
      const name = (node.identifier as { value?: string } | null)?.value ?? "class";
      if (members > MAX_MEMBERS) classes.push(`${name} ${members}`);
    } else if (
      /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression|ClassMethod|PrivateMethod|Constructor)$/.test(
        node.type,
      )
    ) {
      const lines = linesIn(node);
      const named = (node.identifier ?? node.key) as { value?: string } | null | undefined;
      if (lines > MAX_FUNCTION_LINES) functions.push(`${named?.value ?? "function"} ${lines}`);
    }
  });
  return { classes, functions };
}

function wideComments(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, at) => {
    const isComment = /^\s*(\/\*\*|\*|\/\/)/.test(line);
    return isComment && line.length > MAX_COLUMNS ? [`${file}:${at + 1} ${line.length}`] : [];
  });
}

/** Documents that people write: what a script or a test writes is left out. */
function documentsOf(root: string): string[] {
  const folders = ["", "docs", "docs/adr", "deploy"].filter((each) => existsSync(join(root, each)));
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  );
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`);
  return [...found, ...packages]
    .filter((file) => existsSync(join(root, file)) && !GENERATED.test(file))
    .sort();
}

function wideProse(file: string, text: string): string[] {
  let isCode = false;
  return text.split("\n").flatMap((line, at) => {
    if (/^\s*```/.test(line)) isCode = !isCode;
    const isProse = !isCode && !/^\s*([|#<]|\[[^\]]+\]:)/.test(line);
    // A name or a link cannot be broken.
    const isOneWord = /^\s*([-*]|\d+\.)?\s*(`[^`]+`|\S+|\[[^\]]+\]\([^)]+\))[.,;]?$/.test(line);
    return isProse && !isOneWord && line.length > MAX_COLUMNS ? [`${file}:${at + 1} ${line.length}`] : [];
  });
}

/**
 * Type names that two files of published packages declare and export. Mirrors of core in the client aside.
 */
function twoMeanings(sources: readonly Source[]): string[] {
  const where = new Map<string, string[]>();
  for (const { file, name, text } of sources) {
    if (!PUBLISHED.includes(name) || file.includes("/testing/")) continue;
    for (const [, type = ""] of text.matchAll(/^export (?:abstract )?(?:class|interface|type|enum) (\w+)/gm))
      where.set(type, [...(where.get(type) ?? []), file]);
  }
  return [...where]
    .filter(([type, files]) => files.filter((file) => !isMirror(type, file)).length > 1)
    .map(([type, files]) => `${type}: ${files.join(", ")}`);
}

function isMirror(type: string, file: string): boolean {
  return file.startsWith("packages/client/") && MIRRORED_BY_CLIENT.includes(type);
}
