/**
 * docs/getting-started.md as it stands: its programs, its page and its table, against a gateway on other
 * ports.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { Program, REPOSITORY } from "./program.js";
import { Resources } from "./resources.js";
import { testWith } from "./test-with.js";
import { SECRET } from "./tokens.js";

jest.setTimeout(60_000);

const guide = readFileSync(join(REPOSITORY, "docs/getting-started.md"), "utf8");
const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start());
});
afterEach(() => own.close());
afterAll(() => shared.close());

/** The page's nth block of a language, at the ports of this gateway. */
function snippet(language: string, nth = 0): string {
  const blocks = [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))];
  const text = blocks[nth]?.[1];
  if (text === undefined) throw new Error(`docs/getting-started.md has no block ${nth} of ${language}`);
  return text
    .replaceAll("http://127.0.0.1:9080", gateway.admin)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${gateway.port}`);
}

function run(file: string, args: readonly string[], env = {}): Program {
  return own.add(Program.start(file, args, { env }));
}

const BACKENDS = [
  { name: "Node.js", tool: "node", language: "js", file: "a.mjs", args: [] },
  { name: "Python", tool: "python3", language: "python", file: "a.py", args: [] },
  { name: "PHP", tool: "php", language: "php", file: "a.php", args: [] },
  { name: "Go", tool: "go", language: "go", file: "a.go", args: ["run"] },
];

describe("the programs of the guide", () => {
  for (const { name, tool, language, file, args } of BACKENDS) {
    testWith([tool], `${name} publishes, in about ten lines`, async (path = "") => {
      const program = snippet(language);
      expect(program.trim().split("\n").length).toBeLessThanOrEqual(12);
      const reader = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
      const source = join(mkdtempSync(join(tmpdir(), "holdfast-guide-")), file);
      writeFileSync(source, program);
      const running = run(path, [...args, source]);
      expect(await running.exit(40_000)).toEqual({ code: 0, signal: null });
      expect(running.output).toContain("200");
      expect(await reader.next()).toEqual({ publication: { channel: "news", data: { from: name } } });
    });
  }

  test("the page has at most 25 lines, and shows what is published", async () => {
    const html = snippet("html");
    expect(html.trim().split("\n").length).toBeLessThanOrEqual(25);
    const server = createServer((_request, response) => {
      response.setHeader("Content-Type", "text/html").end(html);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    own.add({ close: () => server.close() });
    const browser = own.add(await Browser.start());
    const page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.locator("#state", { hasText: "connected" }).waitFor();
    await eventually("the page shows it", async () => {
      await gateway.publish("news", { hello: 1 });
      return (await page.locator("#news li").count()) > 0;
    });
    expect(await page.locator("#news li").first().textContent()).toBe('{"hello":1}');
  });

  test("the token lets its user subscribe to news, and to nothing else", async () => {
    const guarded = own.add(await GatewayProcess.start({ env: { HOLDFAST_JWT_SECRET: SECRET } }));
    const signing = run("node", ["--input-type=module", "-e", snippet("js", 1)], {
      HOLDFAST_JWT_SECRET: SECRET,
    });
    await signing.exit();
    const client = own.add(await PlainClient.connect(guarded.ws()));
    expect(await client.command("connect", { token: signing.output.trim() })).toMatchObject({
      connect: { user: "ada" },
    });
    expect(await client.command("subscribe", { channel: "news" })).toMatchObject({ subscribe: {} });
    expect(await client.command("subscribe", { channel: "other" })).toMatchObject({
      error: { name: "forbidden" },
    });
  });
});

describe("the newcomer's table", () => {
  const rows = [...guide.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| \d+ \|$/gm)].map(
    ([, command = "", shown = ""]) => ({ command, shown }),
  );

  test("names the start, the first message and an example, with what they print", async () => {
    expect(rows.map(({ command }) => command.split(" ").slice(0, 2).join(" "))).toEqual([
      "npm ci",
      "npm start",
      "npx holdfast",
      "cd packages/examples/src/chat",
    ]);
    const [, start, publish] = rows;
    expect(gateway.program.output.replaceAll(`:${gateway.port}`, ":8080")).toContain(start?.shown);
    const publishing = run("/bin/sh", ["-c", `${publish?.command} --url ${gateway.admin}`]);
    expect(await publishing.exit()).toEqual({ code: 0, signal: null });
    expect(publishing.output).toContain(publish?.shown);
    // examples.e2e.test.ts starts the example, and waits for this line.
    expect(rows[3]?.shown).toBe("open http://127.0.0.1:3000");
  });
});
