/**
 * What is published: the packed packages, installed in an empty folder, are a working gateway.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program, REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(180_000);

const PUBLISHED = ["protocol", "core", "redis", "gateway", "client", "swarm", "platform", "doctor", "cli"];
const own = new Resources();
let folder: string;
let empty: string;
let files: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-packed-"));
  own.add({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const tarballs = join(folder, "tarballs");
  empty = join(folder, "empty");
  mkdirSync(tarballs);
  mkdirSync(empty);
  // The very line that an operator is told.
  const readme = readFileSync(join(REPOSITORY, "deploy/README.md"), "utf8");
  const line = /^npm pack -w .*$/m.exec(readme)?.[0] ?? "deploy/README.md has no line that packs";
  const pack = Program.start("/bin/sh", ["-c", `${line} --silent --pack-destination '${tarballs}'`]);
  expect([await pack.exit(120_000), pack.output]).toEqual([{ code: 0, signal: null }, expect.anything()]);
  files = readdirSync(tarballs).map((file) => join(tarballs, file));
  expect(files).toHaveLength(PUBLISHED.length);
  const args = ["install", "--prefix", empty, "--no-audit", "--no-fund", "--prefer-offline", ...files];
  const install = Program.start("npm", args, { cwd: empty });
  const { code } = await install.exit(120_000);
  if (code !== 0) throw new Error(install.output);
});
afterAll(() => own.close());

describe("the packed packages", () => {
  test("hold what runs and nothing else", () => {
    for (const name of PUBLISHED) {
      const root = join(empty, "node_modules", name === "cli" ? "holdfast" : `@holdfast/${name}`);
      const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      expect(manifest.license).toBe("MIT");
      expect(existsSync(join(root, "LICENSE"))).toBe(true);
      const files = readdirSync(root, { recursive: true }) as string[];
      expect(files.filter((file) => /\.test\.|tsbuildinfo$|(?<!\.d)\.ts$|^src(\/|$)/.test(file))).toEqual([]);
    }
  });

  test("need no newer Node.js than ours, with all that they depend on", () => {
    const lock = JSON.parse(readFileSync(join(empty, "node_modules/.package-lock.json"), "utf8"));
    const packages = Object.entries(lock.packages as Record<string, { engines?: { node?: string } }>);
    expect(packages.length).toBeGreaterThan(PUBLISHED.length);
    const tooNew = packages.filter(([, { engines }]) => {
      const alternatives = (engines?.node ?? "*").split("||");
      return !alternatives.some((range) => Number(/\d+/.exec(range)?.[0] ?? 0) <= 20 && !/[~^]/.test(range));
    });
    expect(tooNew.map(([path, { engines }]) => `${path}: ${engines?.node}`)).toEqual([]);
  });

  test.each([
    ["yarn", "yarn@1.22.22", ["install", "--non-interactive"]],
    ["pnpm", "pnpm@10.34.9", ["install"]],
  ])("are installed by %s without a warning", async (name, tool, args) => {
    const project = join(folder, name);
    mkdirSync(project);
    const named = Object.fromEntries(
      files.map((file) => {
        const short = basename(file).replace(/^holdfast-(?=[a-z])|-[\d.]+\.tgz$/g, "");
        return [short === "holdfast" ? short : `@holdfast/${short}`, `file:../tarballs/${basename(file)}`];
      }),
    );
    const manifest = { name: "app", version: "1.0.0", license: "MIT", private: true, dependencies: named };
    writeFileSync(join(project, "package.json"), JSON.stringify({ ...manifest, resolutions: named }));
    // pnpm reads it here: packages that are not published yet must not be asked for.
    writeFileSync(join(project, "pnpm-workspace.yaml"), JSON.stringify({ overrides: named }));
    const install = Program.start("npx", ["--yes", tool, ...args], { cwd: project });
    own.add(install);
    const { code } = await install.exit(150_000);
    expect([code, install.lines.filter((line) => /\bwarn|\berror|deprecat/i.test(line))]).toEqual([0, []]);
    const bin = own.add(
      Program.start(join(project, "node_modules/.bin/holdfast"), ["version"], { cwd: project }),
    );
    expect(await bin.exit()).toEqual({ code: 0, signal: null });
    expect(bin.output).toMatch(/^holdfast \d/);
  });

  test("npx holdfast start runs, with the page, and a message arrives", async () => {
    const start: typeof Program.holdfast = (args, options) =>
      Program.start("npx", ["--no-install", "holdfast", ...args], { ...options, cwd: empty });
    const gateway = own.add(await GatewayProcess.start({ start }));
    expect((await gateway.get("/healthz")).status).toBe(200);
    expect((await gateway.get("/")).text).toContain("<html");
    const client = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    const args = ["--no-install", "holdfast", "publish", "news", '{"hello":1}', "--admin", gateway.admin];
    const publish = own.add(Program.start("npx", args, { cwd: empty }));
    expect(await publish.exit()).toEqual({ code: 0, signal: null });
    expect(await client.next()).toEqual({ publication: { channel: "news", data: { hello: 1 } } });
  });

  test("the client is loaded by require() and by import, with the same names", async () => {
    const require = `console.log(Object.keys(require("@holdfast/client")).sort().join())`;
    const load = `import("@holdfast/client").then((all) => console.log(Object.keys(all).sort().join()))`;
    const names = await Promise.all(
      [require, load].map(async (script) => {
        const node = own.add(Program.start(process.execPath, ["-e", script], { cwd: empty }));
        expect(await node.exit()).toEqual({ code: 0, signal: null });
        return node.output.trim();
      }),
    );
    expect(names).toEqual(Array(2).fill("Client,HoldfastError,clientErrors,systemClock"));
  });

  test("the client is loaded by Jest in its CommonJS mode", async () => {
    const project = join(empty, "commonjs");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{ "jest": { "testEnvironment": "node" } }');
    const test = `const { Client } = require("@holdfast/client");
      test("a client", () => expect(new Client("ws://localhost").state).toEqual({ name: "idle" }));`;
    writeFileSync(join(project, "client.test.js"), test);
    const jest = fileURLToPath(new URL("../../../node_modules/jest/bin/jest.js", import.meta.url));
    const run = own.add(Program.start(process.execPath, [jest, "--rootDir", project], { cwd: project }));
    expect([await run.exit(), run.output]).toEqual([{ code: 0, signal: null }, expect.anything()]);
  });
});
