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
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(180_000);

const PUBLISHED = ["protocol", "core", "redis", "gateway", "client", "swarm", "cli"];
const own = new Resources();
let folder: string;
let empty: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-packed-"));
  own.add({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const tarballs = join(folder, "tarballs");
  empty = join(folder, "empty");
  mkdirSync(tarballs);
  mkdirSync(empty);
  const workspaces = PUBLISHED.flatMap((name) => ["-w", `packages/${name}`]);
  const pack = Program.start("npm", ["pack", "--silent", "--pack-destination", tarballs, ...workspaces]);
  expect(await pack.exit(60_000)).toEqual({ code: 0, signal: null });
  const files = readdirSync(tarballs).map((file) => join(tarballs, file));
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
