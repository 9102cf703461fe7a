/**
 * The recipes of docs/operations.md for tools of others, as they stand, against a gateway on another port.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import type { Installed } from "./installed-tools.js";
import { Program, REPOSITORY } from "./program.js";
import { artillery, httpxSse } from "./recipe-tools.js";
import { Resources } from "./resources.js";
import { testWith } from "./test-with.js";
import { SECRET, tokenOf } from "./tokens.js";

jest.setTimeout(120_000);

const INSTALL_MS = 600_000;
const USERS = 10;

const operations = readFileSync(join(REPOSITORY, "docs/operations.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "holdfast-recipes-"));
const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start({ args: ["--workers", "1"] }));
});
afterEach(() => own.close());
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true });
});

/** The block of a recipe, at the port of a gateway. */
function recipe(title: string, at = gateway): string {
  const chapter = operations.split(`\n### ${title}\n`)[1]?.split(/\n##+ /)[0];
  const block = /^```\w+\n([\s\S]*?)^```/m.exec(chapter ?? "")?.[1];
  if (block === undefined) throw new Error(`docs/operations.md has no recipe for ${title}`);
  return block
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${at.port}`)
    .replace('port="8080"', `port="${at.port}"`);
}

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Whether the tool is there; otherwise the log says why it is not, and the test has nothing to run. */
function isThere(tool: Installed): tool is Extract<Installed, { kind: "installed" }> {
  if (tool.kind === "installed") return true;
  console.log(`not run: ${tool.why}`);
  expect(tool.why).not.toBe("");
  return false;
}

async function subscribers(channel: string): Promise<number> {
  const { text } = await gateway.adminGet("/api/channels");
  const { channels } = JSON.parse(text) as { channels: { channel: string; subscribers: number }[] };
  return channels.find((each) => each.channel === channel)?.subscribers ?? 0;
}

/** At least so many users of the load test have both channels at once; then all leave. */
async function heardAndLeft(users: number): Promise<void> {
  for (const channel of ["news", "sport"])
    await eventually(`${users} on ${channel}`, async () => (await subscribers(channel)) >= users, 60_000);
  await eventually("all have left", async () => (await subscribers("news")) === 0, 60_000);
}

describe("wscat", () => {
  test("prints what is published, also with a token in a header", async () => {
    const locked = own.add(await GatewayProcess.start({ args: ["--workers", "1", "--jwt-secret", SECRET] }));
    const [plain = ""] = recipe("wscat").split("\n");
    const [, withToken = ""] = recipe("wscat", locked).split("\n");
    const TOKEN = tokenOf("ada", { channels: [{ match: "news", verbs: ["subscribe"] }] });
    const listening = own.add(Program.start("/bin/sh", ["-c", plain]));
    await listening.line('{"connect":');
    await gateway.publish("news", { hello: 1 });
    expect(await listening.line('"publication"')).toContain('"data":{"hello":1}');
    const raw = own.add(Program.start("/bin/sh", ["-c", withToken], { env: { TOKEN } }));
    await eventually("it is subscribed", async () => {
      await locked.publish("news", { raw: true });
      return raw.output.includes('{"raw":true}');
    });
  });
});

describe("httpx-sse", () => {
  test(
    "prints what is published, and comes back when the gateway was away",
    async () => {
      const python = await httpxSse();
      if (!isThere(python)) return;
      const first = own.add(await GatewayProcess.start({ args: ["--workers", "1"] }));
      const listening = own.add(
        Program.start(python.path, [written("listen.py", recipe("httpx-sse", first))]),
      );
      await listening.line('{"connect":');
      await first.publish("news", { hello: 1 });
      expect(await listening.line('"publication"')).toContain('"data":{"hello":1}');
      const ports = ["--port", String(first.port), "--admin-port", new URL(first.admin).port];
      await first.close();
      const second = own.add(await GatewayProcess.start({ args: ["--workers", "1", ...ports] }));
      await eventually("it hears the second gateway", async () => {
        await second.publish("news", { again: 2 });
        return listening.output.includes('"data":{"again":2}');
      });
    },
    INSTALL_MS,
  );
});

describe("Artillery", () => {
  test(
    "subscribes ten connections, and says that none failed",
    async () => {
      const tool = await artillery();
      if (!isThere(tool)) return;
      const env = { ARTILLERY_DISABLE_TELEMETRY: "true" };
      const running = own.add(
        Program.start(tool.path, ["run", written("load.yml", recipe("Artillery"))], { env }),
      );
      await heardAndLeft(USERS);
      expect(await running.exit(60_000)).toEqual({ code: 0, signal: null });
      expect(running.output).toMatch(/vusers\.completed: \.+ 10\n/);
      expect(running.output).toMatch(/vusers\.failed: \.+ 0\n/);
    },
    INSTALL_MS,
  );
});

describe("Tsung", () => {
  testWith(["tsung"], "subscribes ten connections, and says that all succeeded", async (tsung = "") => {
    const logs = join(folder, "tsung");
    const xml = written("tsung.xml", recipe("Tsung"));
    const running = own.add(Program.start(tsung, ["-f", xml, "-l", logs, "start"]));
    // Its users come by chance, and the first may leave before the last.
    await heardAndLeft(1);
    expect(await running.exit(60_000)).toEqual({ code: 0, signal: null });
    const directory = /Log directory is: (\S+)/.exec(running.output)?.[1] ?? "";
    const stats = readFileSync(join(directory, "tsung.log"), "utf8");
    expect(stats).toMatch(/^stats: websocket_succ \d+ 10$/m);
    expect(stats).not.toMatch(/^stats: (?:error_|websocket_fail)/m);
  });
});
