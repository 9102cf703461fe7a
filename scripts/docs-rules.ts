/**
 * What may be wrong with the documents: links that lead nowhere, paths that do not exist, names that the code
 * does not have.
 *
 * Reads text and files; what the code has (settings, metrics, codes …) is a parameter. Knows as much of
 * Markdown as these documents use. Invariant: a problem names its file and line.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface DocProblem {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

/** What the code has, by the names under which documents speak of it. */
export interface DocFacts {
  /** Setting to its default as it is written, `undefined` where there is none. */
  readonly settings: ReadonlyMap<string, string | undefined>;
  /** `HOLDFAST_…` */
  readonly env: ReadonlySet<string>;
  /** `--…` of any command. */
  readonly flags: ReadonlySet<string>;
  /** Full names, without `_bucket`, `_sum` and `_count`. */
  readonly metrics: ReadonlySet<string>;
  /** Name to numbers: an error and a disconnect may share a name. */
  readonly codes: ReadonlyMap<string, readonly number[]>;
  /** `GET /healthz` */
  readonly endpoints: ReadonlySet<string>;
  /** camelCase words that are no settings: fields of the protocol, options of a namespace. */
  readonly otherWords: ReadonlySet<string>;
  /** All sources as one text, for log messages. */
  readonly sources: string;
}

const SKIPPED = new Set(["node_modules", "dist", ".git", "coverage"]);

/** Every Markdown file below `root`, relative to it. */
export function markdownFiles(root: string): string[] {
  const found: string[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith(".md")) found.push(relative(root, path));
    }
  };
  visit(root);
  return found.sort();
}

/** Relative links whose file, or whose heading, is not there. */
export function checkLinks(root: string, file: string): DocProblem[] {
  const problems: DocProblem[] = [];
  for (const { text, number } of proseLines(read(root, file))) {
    for (const [, target = ""] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      const problem = linkProblem(root, file, target);
      if (problem !== undefined) problems.push({ file, line: number, problem });
    }
  }
  return problems;
}

function linkProblem(root: string, file: string, target: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [path = "", anchor] = target.split("#", 2);
  const linked = path === "" ? file : join(dirname(file), decodeURIComponent(path));
  if (linked.startsWith("..") || !existsSync(join(root, linked))) return `${target}: no such file`;
  if (anchor === undefined) return undefined;
  if (!statSync(join(root, linked)).isFile() || !anchorsOf(read(root, linked)).has(anchor))
    return `${target}: no such heading in ${linked}`;
  return undefined;
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(markdown)) {
    const heading = /^#{1,6}\s+(.+)$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/**
 * File paths in code spans. Below a heading `packages/x` they may be relative to its `src`; below a heading
 * that says "not here yet" they must not exist.
 */
export function checkPaths(root: string, file: string): DocProblem[] {
  const problems: DocProblem[] = [];
  let base = "";
  let expected = true;
  for (const { text, number } of proseLines(read(root, file))) {
    const heading = /^#{1,6}\s+(.+)$/.exec(text)?.[1];
    if (heading !== undefined) {
      base = /^packages\/[\w-]+$/.test(heading) ? join(heading, "src") : "";
      expected = !/not here yet/i.test(heading);
    }
    for (const path of codeSpans(text).filter(isPath)) {
      const exists = [path, join(base, path)].some((each) => existsSync(join(root, each)));
      if (exists === expected) continue;
      const problem = expected ? "no such file" : "is here: say so, and take it from this list";
      problems.push({ file, line: number, problem: `${path}: ${problem}` });
    }
  }
  return problems;
}

function isPath(span: string): boolean {
  return (
    /^[\w.-][\w.@-]*(\/[\w.@-]+)*\/?$/.test(span) &&
    !/^\.\w+$/.test(span) &&
    (span.includes("/") || /\.(ts|cjs|js|json|md|sh|service|conf)$/.test(span))
  );
}

/** Metrics, settings, variables, flags, codes and endpoints that the code does not have under that name. */
export function checkNames(file: string, markdown: string, facts: DocFacts): DocProblem[] {
  const problems: DocProblem[] = [];
  const lines = markdown.split("\n");
  lines.forEach((text, index) => {
    const report = (problem: string): unknown => problems.push({ file, line: index + 1, problem });
    for (const [name] of text.matchAll(/\bholdfast_[a-z][a-z_]*/g)) {
      const metric = name.replace(/_(bucket|sum|count)$/, "");
      if (!facts.metrics.has(name) && !facts.metrics.has(metric)) report(`${name}: no such metric`);
    }
    for (const [name] of text.matchAll(/\bHOLDFAST_[A-Z][A-Z_]*/g)) {
      if (!facts.env.has(name)) report(`${name}: no such variable`);
    }
    for (const flag of flagsIn(text)) if (!facts.flags.has(flag)) report(`${flag}: no such flag`);
    for (const [endpoint] of text.matchAll(/\b(?:GET|POST) \/[\w/]+(?:\.json)?/g)) {
      if (!facts.endpoints.has(endpoint)) report(`${endpoint}: no such endpoint`);
    }
    for (const [, name = "", value = ""] of text.matchAll(/`(\w+)` \((\d[^)]*)\)/g)) {
      const problem = valueProblem(name, value, facts);
      if (problem !== undefined) report(problem);
    }
    for (const span of codeSpans(text)) {
      if (!/^[a-z]+[A-Z]\w*$/.test(span) || facts.settings.has(span) || facts.otherWords.has(span)) continue;
      report(`${span}: neither a setting nor a word of the protocol`);
    }
    for (const [, name = ""] of text.matchAll(/\bsettings? `(\w+)`/g)) {
      if (!facts.settings.has(name)) report(`${name}: no such setting`);
    }
  });
  return problems;
}

/** `` `maxPending` (2048) `` is a setting and its default, `` `slow` (3002) `` a code and its number. */
function valueProblem(name: string, value: string, { settings, codes }: DocFacts): string | undefined {
  if (settings.has(name)) {
    const said = value.split(/[,;]/)[0]?.replace(/(\d) (?=[a-zA-Z])/, "$1");
    const expected = settings.get(name);
    return said === expected ? undefined : `${name}: its default is ${expected}, not ${said}`;
  }
  const numbers = codes.get(name);
  if (numbers === undefined) return `${name}: neither a setting nor a code`;
  return numbers.includes(Number(value)) ? undefined : `${name}: its code is ${numbers.join(" or ")}`;
}

/** Flags of `holdfast` commands, and flags that stand alone in a code span. */
function flagsIn(text: string): string[] {
  const commands = [...text.matchAll(/\bholdfast (?:start|publish|broadcast|listen|config)\b[^`]*/g)];
  const alone = codeSpans(text).filter((span) => span.startsWith("--"));
  return [...commands.map(([command]) => command), ...alone].flatMap((each) =>
    [...each.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag),
  );
}

/** The first column of the table below a heading: log messages that no source has. */
export function checkLogMessages(file: string, markdown: string, sources: string): DocProblem[] {
  const problems: DocProblem[] = [];
  let inLogs = false;
  for (const { text, number } of proseLines(markdown)) {
    if (text.startsWith("#")) inLogs = /^#+ Logs$/.test(text);
    const message = inLogs ? /^\| `([^`]+)` \|/.exec(text)?.[1] : undefined;
    if (message === undefined || sources.includes(message)) continue;
    problems.push({ file, line: number, problem: `"${message}": nothing logs that` });
  }
  return problems;
}

interface Line {
  readonly text: string;
  readonly number: number;
}

/** Lines outside of fenced blocks. */
function* proseLines(markdown: string): Generator<Line> {
  let fenced = false;
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text.startsWith("```")) fenced = !fenced;
    else if (!fenced) yield { text, number: index + 1 };
  }
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);
}

function withoutCode(text: string): string {
  return text.replaceAll(/`[^`]*`/g, "``");
}

function read(root: string, file: string): string {
  return readFileSync(join(root, file), "utf8");
}
