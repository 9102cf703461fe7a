/**
 * The documents say what the code has. Every rule is shown a planted error first.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { TOKEN_ENV } from "../packages/cli/src/commands/client-token.js";
import { FILE_ENV } from "../packages/cli/src/config/file.js";
import { namespaceKeys } from "../packages/cli/src/config/namespaces.js";
import { settingKeys, settingOf } from "../packages/cli/src/config/schema.js";
import { envOf, flagOf } from "../packages/cli/src/config/setting.js";
import { WorkerMetrics } from "../packages/gateway/src/link/metrics.js";
import { ENDPOINTS } from "../packages/gateway/src/primary/admin/api.js";
import { routeOf } from "../packages/gateway/src/primary/admin/endpoint.js";
import { SERVING } from "../packages/gateway/src/primary/operations/instance-drain.js";
import { PrimaryMetrics } from "../packages/gateway/src/primary/operations/primary-metrics.js";
import { disconnects, errors } from "../packages/protocol/src/index.js";
import {
  checkLinks,
  checkLogMessages,
  checkNames,
  checkPaths,
  type DocFacts,
  type DocProblem,
  markdownFiles,
} from "./docs-rules.js";

const ROOT = process.cwd();
const PUBLISHED = ["protocol", "core", "redis", "gateway", "client", "platform", "doctor", "aws", "cli"];
const OPERATIONS = "docs/operations.md";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const shown = (problems: readonly DocProblem[]): string[] =>
  problems.map(({ file, line, problem }) => `${file}:${line} ${problem}`);

function sources(): string {
  const texts: string[] = [];
  for (const name of PUBLISHED) {
    const src = join(ROOT, "packages", name, "src");
    for (const entry of readdirSync(src, { recursive: true, encoding: "utf8" })) {
      if (entry.endsWith(".ts") && !entry.endsWith(".test.ts"))
        texts.push(readFileSync(join(src, entry), "utf8"));
    }
  }
  return texts.join("\n");
}

async function exportedMetrics(): Promise<Set<string>> {
  const loop = { p50: 0, p99: 0, max: 0 };
  const worker = new WorkerMetrics(0, () => ({
    connections: 0,
    subscriptions: 0,
    subscriptionsBehind: 0,
    topics: 0,
    presenceMembers: 0,
    presenceViews: 0,
    revocations: 0,
    logLinesLost: 0,
    logLinesLimited: 0,
    unfinishedBytes: 0,
    readsWaiting: 0,
    engine: "lean",
    brokerState: "ready",
    brokerApart: { history: "ready" },
    loop,
  }));
  const primary = new PrimaryMetrics(() => ({
    workers: 0,
    wantedWorkers: 0,
    pending: 0,
    maxConnections: 0,
    drain: SERVING,
    reloadLeft: 0,
    logLinesLost: 0,
    kept: { chars: 0, forgotten: 0 },
    certificates: [],
    logLinesLimited: 0,
  }));
  const snapshots = [await worker.snapshot(), await primary.snapshot()];
  return new Set(snapshots.flat().map(({ name }) => name));
}

/** Fields of the protocol and of the admin API. */
const camelWords = (file: string): readonly string[] => read(file).match(/\b[a-z]+[A-Z]\w*/g) ?? [];

const adminEndpoints = ENDPOINTS.map(routeOf);

async function gatherFacts(): Promise<DocFacts> {
  const all = sources();
  const codes = new Map<string, number[]>();
  for (const { name, code } of [...Object.values(errors), ...Object.values(disconnects)]) {
    codes.set(name, [...(codes.get(name) ?? []), code]);
  }
  const defaults = settingKeys.map((key) => {
    const { shape, default: written } = settingOf(key);
    return [key, written === undefined ? undefined : shape.toText(written)] as const;
  });
  return {
    settings: new Map(defaults),
    env: new Set([...settingKeys.map(envOf), FILE_ENV, TOKEN_ENV]),
    flags: new Set([...settingKeys.map(flagOf), ...(all.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])]),
    metrics: await exportedMetrics(),
    codes,
    endpoints: new Set([...adminEndpoints, "GET /healthz", "GET /ws"]),
    otherWords: new Set([
      ...namespaceKeys,
      ...camelWords("docs/protocol.md"),
      ...camelWords("docs/openapi.json"),
      ...camelWords("packages/client/README.md"),
    ]),
    sources: all,
  };
}

describe("the documents", () => {
  it("docs/architecture.md is read in one sitting: at most 150 lines", () => {
    expect(read("docs/architecture.md").split("\n").length - 1).toBeLessThanOrEqual(150);
  });

  it.each(markdownFiles(ROOT))("%s: every link leads somewhere", (file) => {
    expect(shown(checkLinks(ROOT, file))).toEqual([]);
  });

  it.each([
    "docs/architecture.md",
    "CONTRIBUTING.md",
    ...markdownFiles(ROOT).filter((file) => /adr\/0/.test(file)),
  ])("%s: every path exists, and nothing exists that is said to be missing", (file) => {
    expect(shown(checkPaths(ROOT, file))).toEqual([]);
  });

  it.each([OPERATIONS, "README.md", "docs/troubleshooting.md", "deploy/README.md", "packages/cli/README.md"])(
    "%s: every metric, setting, variable, flag, code and endpoint is the code's",
    async (file) => {
      expect(shown(checkNames(file, read(file), await gatherFacts()))).toEqual([]);
    },
  );

  it("operations.md lists all its chapters, in their order", () => {
    const [contents = ""] = read(OPERATIONS).split("\n## ", 1);
    const listed = [...contents.matchAll(/\d+\. \[([^\]]+)\]\(#/g)].map(([, title]) => title);
    const chapters = [...read(OPERATIONS).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(listed).toEqual(chapters);
  });

  it("operations.md quotes messages that are logged", () => {
    expect(shown(checkLogMessages(OPERATIONS, read(OPERATIONS), sources()))).toEqual([]);
  });

  it("operations.md has for each limit a default, what happens at it, and a metric that says so", () => {
    const [, limits = ""] = read(OPERATIONS).split("\n## Limits\n");
    const [tables = ""] = limits.split("\n## ");
    const rows = tables.split("\n").filter((line) => /^\| (?!what \|)/.test(line));
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const cells = row.split("|").slice(1, -1);
      expect([row, cells.map((cell) => cell.trim() !== "")]).toEqual([row, cells.map(() => true)]);
      expect([row, /`holdfast_|the same/.test(cells.at(-1) ?? "")]).toEqual([row, true]);
    }
  });

  it("every exported metric, admin endpoint and reason to refuse is documented", async () => {
    const texts = read(OPERATIONS) + read("docs/metrics.md");
    const rows = read("packages/gateway/src/admission/front-answers.ts").matchAll(/^ {2}(\w+): \{/gm);
    const reasons = [...rows].map(([, name = ""]) => name);
    expect(reasons.length).toBeGreaterThan(3);
    const names = [...(await exportedMetrics()), ...adminEndpoints, ...reasons];
    expect(names.filter((name) => !texts.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(PUBLISHED)("the package %s has a README and the licence", (name) => {
    expect(read(`packages/${name}/README.md`)).toMatch(/^# (@holdfast\/)?\w+/);
    expect(read(`packages/${name}/LICENSE`)).toBe(read("LICENSE"));
  });
});

describe("a planted error is found", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "docs-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function plant(files: Record<string, string>): void {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
  }

  it("in links", () => {
    plant({
      "README.md": [
        "[ok](docs/a.md#two-words-code) [out](https://example.com/x) `[no](link)`",
        "[gone](docs/b.md)",
        "![gone](docs/a.svg) and [anchor](docs/a.md#three)",
        "```",
        "[not a link](x.md)",
        "```",
        "[here](#nowhere) [outside](../x.md)",
      ].join("\n"),
      "docs/a.md": "# A\n\n## Two words, `code`\n\n[up](../README.md)\n",
    });
    expect(markdownFiles(root)).toEqual(["README.md", "docs/a.md"]);
    expect(shown(checkLinks(root, "docs/a.md"))).toEqual([]);
    expect(shown(checkLinks(root, "README.md"))).toEqual([
      "README.md:2 docs/b.md: no such file",
      "README.md:3 docs/a.svg: no such file",
      "README.md:3 docs/a.md#three: no such heading in docs/a.md",
      "README.md:7 #nowhere: no such heading in README.md",
      "README.md:7 ../x.md: no such file",
    ]);
  });

  it("in paths", () => {
    plant({
      "a.md": [
        "## packages/core",
        "`hub.ts`, `packages/core/src/hub.ts`, `testing/`, `@holdfast/core`, `Core#open`, `gone.ts`",
        "## What is not here yet",
        "`packages/core/src/later.ts` and `packages/core/src/hub.ts`",
      ].join("\n"),
      "packages/core/src/hub.ts": "",
      "packages/core/src/testing/index.ts": "",
    });
    expect(shown(checkPaths(root, "a.md"))).toEqual([
      "a.md:2 gone.ts: no such file",
      "a.md:4 packages/core/src/hub.ts: is here: say so, and take it from this list",
    ]);
  });

  it("in names", async () => {
    const text = [
      "`holdfast_connections`, `holdfast_gc_pause_seconds_sum`, `maxPayload` (64 KiB), `slow` (3002), `reconnectAfter`",
      "`holdfast_conections` is a metric",
      "set `HOLDFAST_MAX_PAYLOADS` and `HOLDFAST_PORT`",
      "`holdfast start --max-payload 1KiB --max-payloads 2` or `--prot`",
      "curl POST /api/publish, GET /readyz, GET /ready",
      "`maxOutboxByte` is no setting; the setting `ports` neither",
      "`maxPending` (2,000) and `slow` (3003) and `slowly` (3002)",
    ].join("\n");
    expect(shown(checkNames("a.md", text, await gatherFacts()))).toEqual([
      "a.md:2 holdfast_conections: no such metric",
      "a.md:3 HOLDFAST_MAX_PAYLOADS: no such variable",
      "a.md:4 --max-payloads: no such flag",
      "a.md:4 --prot: no such flag",
      "a.md:5 GET /ready: no such endpoint",
      "a.md:6 maxOutboxByte: neither a setting nor a word of the protocol",
      "a.md:6 ports: no such setting",
      "a.md:7 maxPending: its default is auto, not 2",
      "a.md:7 slow: its code is 3002",
      "a.md:7 slowly: neither a setting nor a code",
    ]);
  });

  it("in log messages", () => {
    const text =
      "## Logs\n\n| `lost Redis` | warn |\n| `found Redis` | warn |\n\n## Other\n\n| `no message` | |\n";
    expect(shown(checkLogMessages("a.md", text, sources()))).toEqual([
      'a.md:4 "found Redis": nothing logs that',
    ]);
  });
});
