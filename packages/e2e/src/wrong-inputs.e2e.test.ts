/**
 * Wrong inputs and what comes back: flags, environment, file, commands, URLs, WebSocket commands, tokens,
 * Redis, the admin API.
 *
 * Each row of docs/wrong-inputs.md is one wrong input, carried out here. Invariant: the document says what
 * the program says; a message that changes shows in the diff of the document, to be read as a stranger reads
 * it. HOLDFAST_TEST_WRITE=1 writes it anew.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { GatewayProcess } from "./gateway-process.js";
import { HandshakeRefused, PlainClient } from "./plain-client.js";
import { HOLDFAST, Program, REPOSITORY } from "./program.js";
import { rawRequest } from "./raw-request.js";
import { Resources } from "./resources.js";
import { optionalTool } from "./test-tool.js";
import { SECRET, tokenOf, tokenOfText } from "./tokens.js";

jest.setTimeout(180_000);

const DOCUMENT = join(REPOSITORY, "docs", "wrong-inputs.md");
const MIN_ROWS = 45;
/** Longer than this is not read. */
const MAX_MESSAGE = 700;

const shared = new Resources();
const folder = mkdtempSync(join(tmpdir(), "holdfast-wrong-"));
let open: GatewayProcess;
let closed: GatewayProcess;
let redis: RedisServer;
let runProgram: (args: readonly string[], terminal: object, options: object) => Promise<number>;

/** Nothing listens there, and the name for it in the document. */
const NOWHERE = "http://127.0.0.1:2";
const KEY = "the-admin-key-of-the-tests";

beforeAll(async () => {
  const program = new URL("../../cli/dist/program.js", import.meta.url);
  ({ runProgram } = (await import(program.href)) as { runProgram: typeof runProgram });
  redis = shared.add(await RedisServer.start({ args: ["--requirepass", "right"] }));
  open = shared.add(await GatewayProcess.start({ args: ["--workers", "1"] }));
  closed = shared.add(
    await GatewayProcess.start({
      args: ["--workers", "1", "--jwt-secret", SECRET],
      env: { HOLDFAST_ADMIN_KEY: KEY },
    }),
  );
});
afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true });
});

interface Row {
  /** Undefined: this machine cannot carry it out, and the document's row is taken as it is. */
  readonly possible?: boolean;
  /** What was typed or sent, as the document shows it. */
  readonly input: string;
  readonly answer: () => Promise<string>;
}

interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Runs a command line in an empty folder; the last error is what comes back. */
async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  file?: string,
): Promise<string> {
  const config = join(folder, "holdfast.json");
  if (file === undefined) rmSync(config, { force: true });
  else writeFileSync(config, file);
  const said: string[] = [];
  const terminal = {
    env,
    cwd: folder,
    program: "holdfast",
    columns: 80,
    isTerminal: false,
    out: async (line: string) => void said.push(line),
    err: (line: string) => void said.push(line),
    interrupted: () => new AbortController().signal,
  };
  const code = await runProgram(args, terminal, {
    version: "0.0.0",
    readMachine: () => ({
      cpus: 4,
      openFiles: 20_000,
      memoryBytes: 8 * 1024 ** 3,
      platform: "linux",
      nodeVersion: "22.12.0",
    }),
  });
  expect(code).toBeGreaterThan(0);
  return said.join("\n");
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);
const command = (...args: string[]): Row => ({
  input: ["holdfast", ...args.map(quoted)].join(" "),
  answer: () => run(args),
});
const environment = (name: string, value: string): Row => ({
  input: `${name}=${quoted(value)} holdfast start`,
  answer: () => run(["start"], { [name]: value }),
});
const file = (text: string): Row => ({
  input: `holdfast.json: ${text}`,
  answer: () => run(["start"], {}, text),
});

/** Runs `holdfast start` as a process until a line says what is wrong; without some rights of root. */
async function started(args: readonly string[], line: RegExp, rights = ""): Promise<string> {
  const full = ["start", "--workers", "1", "--log-format", "json", ...args];
  const options = { cwd: folder };
  const program =
    rights === "" || process.getuid?.() !== 0
      ? Program.holdfast(full, options)
      : Program.start("setpriv", [`--bounding-set=${rights}`, process.execPath, HOLDFAST, ...full], options);
  try {
    const said = await program.line(line);
    const logged = said.startsWith("{") ? (JSON.parse(said) as Record<string, string>) : undefined;
    if (logged === undefined) return program.lines.slice(program.lines.indexOf(said)).join("\n");
    const { msg, redis: at, reason, remedy } = logged;
    return `${msg}: redis ${at}, reason ${reason}${remedy === undefined ? "" : `, remedy: ${remedy}`}`;
  } finally {
    await program.close();
  }
}

const PROBLEM = /^holdfast: |"level":[45]0/;
/** Root has the rights that the others lack; taking them away needs a tool of Linux. */
const WITHOUT_RIGHTS = process.getuid?.() !== 0 || optionalTool("setpriv") !== undefined;
const privilegedFrom = (): number => {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  } catch {
    return process.platform === "darwin" ? 0 : 1024;
  }
};

/** The sentence of an error answer. */
function sentence(status: number, body: string): string {
  const { error } = JSON.parse(body) as { error: { name: string; message: string } };
  return `${status} ${error.name}: ${error.message}`;
}

const request = (method: string, path: string, headers: Record<string, string> = {}): Row => ({
  input: `${method} ${path}${Object.entries(headers).map(([name, value]) => `, ${name}: ${value}`)}`,
  answer: async () => {
    const lines = Object.entries({ Host: new URL(open.http).host, Connection: "close", ...headers });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const { status, body } = await rawRequest(open.http, `${method} ${path} HTTP/1.1\r\n${head}\r\n`);
    return sentence(status, body);
  },
});

const upgrade = (path: string, origin?: string, on: () => GatewayProcess = () => open): Row => ({
  input: `WebSocket to ${path}${origin === undefined ? "" : ` from a page of ${origin}`}`,
  answer: () =>
    PlainClient.connect(on().http.replace("http", "ws") + path, origin === undefined ? {} : { origin }).then(
      () => "connected",
      (error: unknown) => {
        if (!(error instanceof HandshakeRefused)) throw error;
        return sentence(error.status, error.body);
      },
    ),
});

/** Sends text after `connect`, and tells the reply, or the disconnect. */
const frame = (text: string, connects = true): Row => ({
  input: `${connects ? "" : "before connect: "}${text}`,
  answer: async () => {
    const client = connects ? await PlainClient.connected(open.ws()) : await PlainClient.connect(open.ws());
    client.send(text);
    const said = (await client.next()) as { error?: { name: string; message: string }; disconnect?: object };
    client.terminate();
    if (said.error !== undefined) return `${said.error.name}: ${said.error.message}`;
    const { code, reason } = said.disconnect as { code: number; reason: string };
    return `disconnected with ${code}: ${reason}`;
  },
});

/** Connects to the gateway with keys. */
const token = (input: string, text: () => string | undefined, subs: readonly string[] = []): Row => ({
  input,
  answer: async () => {
    const client = await PlainClient.connect(closed.ws());
    const wanted = Object.fromEntries(subs.map((channel) => [channel, null]));
    client.send({ id: 1, connect: { token: text(), ...(subs.length > 0 && { subs: wanted }) } });
    const said = (await client.next()) as {
      error?: { name: string; message: string };
      disconnect?: { code: number; reason: string };
      connect?: { subs: Record<string, { error: { name: string; message: string } }> };
    };
    client.terminate();
    const error = said.error ?? Object.values(said.connect?.subs ?? {})[0]?.error;
    if (error !== undefined) return `${error.name}: ${error.message}`;
    return `disconnected with ${said.disconnect?.code}: ${said.disconnect?.reason}`;
  },
});

const admin = (method: string, path: string, body?: string, type = "application/json"): Row => ({
  input: `${method} ${path}${body === undefined ? "" : ` ${body}`}${type === "application/json" ? "" : ` as ${type}`}`,
  answer: async () => {
    const init = { method, ...(body === undefined ? {} : { body, headers: { "Content-Type": type } }) };
    const { status, text } = await open.adminGet(path, init);
    return sentence(status, text);
  },
});

const SECTIONS: readonly Section[] = [
  {
    title: "Flags of `holdfast start`",
    rows: [
      command("start", "--prot", "8080"),
      command("start", "--verbose"),
      command("start", "now"),
      command("start", "--port", "eighty"),
      command("start", "--port", "70000"),
      command("start", "--port", "8080-8600"),
      command("start", "--workers", "0"),
      command("start", "--max-payload", "16k"),
      command("start", "--ping-interval", "30"),
      command("start", "--ping-interval", "10s", "--pong-timeout", "20s"),
      command("start", "--host", "0.0.0.0"),
      command("start", "--admin-host", "0.0.0.0"),
      command("start", "--admin-port", "8080"),
      command("start", "--origins", "*.example.com"),
      command("start", "--origins", "https://*"),
      command("start", "--origins", "app.example.com"),
      command("start", "--redis", "localhost:6379"),
      command("start", "--jwt-secret", "short"),
      command("start", "--jwt-secret", SECRET, "--jwks-url", "https://issuer.example/keys"),
      command("start", "--namespaces", "{room}"),
      command("start", "--namespaces", '{"room":{"publik":true}}'),
      command("start", "--events"),
      command("start", "--log-level", "loud"),
      command("start", "--tracing", "jaeger"),
      command("start", "--jwt-public-key", "./missing.pem"),
    ],
  },
  {
    title: "Ports at the start",
    rows: [
      {
        input: "holdfast start --port 8080 (where another program listens)",
        answer: () => started(["--port", String(open.port), "--admin-port", "0"], PROBLEM),
      },
      {
        input: "holdfast start --admin-port 9080 (where another program listens)",
        answer: () => started(["--port", "0", "--admin-port", new URL(open.admin).port], PROBLEM),
      },
      {
        input: "holdfast start --port 443 (as a user who may not)",
        possible: WITHOUT_RIGHTS && privilegedFrom() > 443,
        answer: () => started(["--port", "443", "--admin-port", "0"], PROBLEM, "-net_bind_service"),
      },
    ],
  },
  {
    title: "Environment",
    rows: [
      environment("HOLDFAST_PROT", "8080"),
      environment("HOLDFAST_WORKERS", "many"),
      environment("HOLDFAST_CONFIG", "missing.json"),
      environment("HOLDFAST_CONFIG", "."),
      {
        input: "HOLDFAST_CONFIG=secret.json holdfast start (as a user who may not read it)",
        possible: WITHOUT_RIGHTS,
        answer: () => {
          writeFileSync(join(folder, "secret.json"), "{}", { mode: 0 });
          return started(["--config", "secret.json"], PROBLEM, "-dac_override,-dac_read_search");
        },
      },
    ],
  },
  {
    title: "The file",
    rows: [
      file('{"port": 8080 "host": "::1"}'),
      file('{"port": 8080 /* the port'),
      file('{"prot": 8080}'),
      file('{"pingInterval": 30}'),
      file('{"origins": "https://app.example"}'),
      file("[]"),
    ],
  },
  {
    title: "Other commands",
    rows: [
      command("uptime"),
      command("status", "--url", NOWHERE),
      command("top", "--interval", "5"),
      command("connection"),
      command("connections", "--limit", "5000"),
      command("why", "news"),
      command("publsh", "news", "1"),
      command("publish", "a b", "1"),
      command("publish", "room:", "1"),
      command("publish", "news"),
      command("publish", "news", "two", "words"),
      command("publish", "news", "1", "--url", "localhost"),
      command("publish", "news", "1", "--url", NOWHERE),
      {
        input: "holdfast publish news 1 --url http://127.0.0.1:8080",
        answer: () => run(["publish", "news", "1", "--url", open.http]),
      },
      {
        input: "holdfast publish news 1 (where the gateway has an adminKey)",
        answer: () => run(["publish", "news", "1", "--url", closed.admin]),
      },
      {
        input: "holdfast publish news 1 --admin-key guess",
        answer: () => run(["publish", "news", "1", "--url", closed.admin, "--admin-key", "guess"]),
      },
      {
        input: "holdfast history demo:x --limit x",
        answer: () => run(["history", "demo:x", "--url", open.admin, "--limit", "x"]),
      },
      command("listen", "a b"),
      command("doctor", "--url", "push.example.com"),
      command("doctor", "--idle-timeout", "60"),
      command("plan"),
      command("plan", "--connections", "many"),
      command("plan", "--connections", "1000", "--instance-type", "z9.large"),
      command("tune", "--connections", "2000000", "--workers", "1"),
      command("token", "create", "ada"),
      {
        input: "holdfast token create ada --expires soon",
        answer: () => run(["token", "create", "ada", "--expires", "soon"], { HOLDFAST_JWT_SECRET: SECRET }),
      },
      {
        input: "holdfast token create ada --allow room",
        answer: () => run(["token", "create", "ada", "--allow", "room"], { HOLDFAST_JWT_SECRET: SECRET }),
      },
      {
        input: "holdfast token create ada --allow room:*=read",
        answer: () =>
          run(["token", "create", "ada", "--allow", "room:*=read"], { HOLDFAST_JWT_SECRET: SECRET }),
      },
      {
        input: "holdfast token create ada --private-key missing.pem",
        answer: async () => run(["token", "create", "ada", "--private-key", "missing.pem"]),
      },
      {
        input: "holdfast token create ada --private-key notes.txt (that has no key)",
        answer: () => {
          writeFileSync(join(folder, "notes.txt"), "tea");
          return run(["token", "create", "ada", "--private-key", "notes.txt"]);
        },
      },
      {
        input: "holdfast token check xyz",
        answer: () => run(["token", "check", "xyz"], { HOLDFAST_JWT_SECRET: SECRET }),
      },
    ],
  },
  {
    title: "Redis",
    rows: [
      command("publish", "news", "1", "--redis", "http://127.0.0.1"),
      command("publish", "news", "1", "--redis", "redis://127.0.0.1:1"),
      {
        input: "holdfast publish news 1 --redis redis://:wrong@127.0.0.1:6379",
        answer: () => run(["publish", "news", "1", "--redis", `redis://:wrong@127.0.0.1:${redis.port}`]),
      },
      {
        input: "holdfast publish news 1 --redis redis://127.0.0.1:6379 (that has a password)",
        answer: () => run(["publish", "news", "1", "--redis", `redis://127.0.0.1:${redis.port}`]),
      },
      {
        input: "holdfast start --redis redis://127.0.0.1:1",
        answer: () =>
          started(["--port", "0", "--admin-port", "0", "--redis", "redis://127.0.0.1:1"], PROBLEM),
      },
      {
        input: "holdfast start --redis redis://:wrong@127.0.0.1:6379",
        answer: () => {
          const url = `redis://:wrong@127.0.0.1:${redis.port}`;
          return started(["--port", "0", "--admin-port", "0", "--redis", url], PROBLEM);
        },
      },
      {
        input: "holdfast publish news 1 --redis redis://127.0.0.1:8080 (a web server)",
        answer: async () => {
          const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
          const port = await new Promise<number>((resolve) =>
            server.listen(0, "127.0.0.1", () => {
              const address = server.address();
              resolve(typeof address === "object" && address !== null ? address.port : 0);
            }),
          );
          const said = await run(["publish", "news", "1", "--redis", `redis://127.0.0.1:${port}`]);
          server.close();
          return said.replaceAll(String(port), "8080");
        },
      },
    ],
  },
  {
    title: "Addresses",
    rows: [
      request("GET", "/socket.io/?EIO=4&transport=polling"),
      request("GET", "/nowhere"),
      request("GET", "/metrics"),
      request("POST", "/api/publish"),
      request("GET", "/ws"),
      request("GET", "/poll"),
      request("GET", "/sse"),
      request("GET", "/sse?channel=news"),
      request("POST", "/"),
      upgrade("/"),
      upgrade("/ws/"),
      upgrade("/app/a1b2c3?protocol=7"),
      upgrade("/ws?channel=news"),
      upgrade("/ws?channels=a%20b"),
      upgrade("/ws?channels=a+b,,c"),
      upgrade("/ws?channels=room:"),
      upgrade("/ws?channels=%E0%A4"),
      upgrade("/ws?channels=news&format=xml"),
      upgrade("/ws?format=raw"),
      upgrade("/ws?channels=news&token=x"),
      upgrade("/ws?channels=user:42"),
      upgrade("/ws?channels=news", "https://app.example"),
      {
        input: "WebSocket to /ws?channels=news without a token, where there is a key",
        answer: () => upgrade("/ws?channels=news", undefined, () => closed).answer(),
      },
    ],
  },
  {
    title: "WebSocket commands",
    rows: [
      frame("hello", false),
      frame('{"connect":{}}', false),
      frame('{"id":1,"subscribe":{"channel":"news"}}', false),
      frame('{"id":7,"connect":{}}'),
      frame('{"id":7,"sub":{"channel":"news"}}'),
      frame('{"id":7,"subscribe":{"channels":["news"]}}'),
      frame('{"id":7,"subscribe":{"channel":"a b"}}'),
      frame('{"id":7,"subscribe":{"channel":"news","since":5}}'),
      frame('{"id":7,"subscribe":{"channel":"user:42"}}'),
      frame('{"id":7,"subscribe":{"channel":"news","presence":true}}'),
      frame('{"id":7,"unsubscribe":{"channel":"sport"}}'),
      frame('{"id":7,"publish":{"channel":"news","data":1}}'),
      frame('{"id":7,"publish":{"channel":"news"}}'),
      frame('{"id":7,"history":{"channel":"news","limit":5000}}'),
      frame('{"id":7,"presence":{"channel":"news"}}'),
      frame('{"id":7,"send":{"data":1}}'),
      frame('{"id":7,"refresh":{"token":"x"}}'),
    ],
  },
  {
    title: "Tokens (`connect` where there is a key)",
    rows: [
      token("no token", () => undefined),
      token("a token that is none", () => "xyz"),
      token("a token by another secret", () => `${tokenOf("ada").slice(0, -4)}AAAA`),
      token("an expired token", () => tokenOf("ada", { exp: 1_700_000_000 })),
      token("a token without `exp`", () => tokenOf("ada", { exp: undefined })),
      token("a token without `sub`", () => tokenOfText('{"exp":4000000000}')),
      token("a token whose `channels` are a name", () => tokenOf("ada", { channels: "news" })),
      token("a subscription token", () => tokenOf("ada", { channel: "news" })),
      token("a token that allows nothing, and a subscription to `room:1`", () => tokenOf("ada"), ["room:1"]),
    ],
  },
  {
    title: "Admin API",
    rows: [
      admin("POST", "/api/publish", "hello"),
      admin("POST", "/api/publish", '{"chanel":"news","data":1}'),
      admin("POST", "/api/publish", '{"channel":"a b","data":1}'),
      admin("POST", "/api/publish", '{"channel":"news"}'),
      admin("POST", "/api/publish", '{"channel":"news","data":1}', "text/plain"),
      admin("GET", "/api/publish"),
      admin("GET", "/api/nope"),
      admin("GET", "/api/history"),
      admin("GET", "/api/history?channel=news&limit=many"),
      admin("POST", "/api/disconnect", "{}"),
      {
        input: "GET /api/channels without the key",
        answer: async () => {
          const { status, text } = await closed.adminGet("/api/channels");
          return sentence(status, text);
        },
      },
    ],
  },
];

/** The rows of the document: what came back, and how a reader rated it. A changed message has no rating. */
function rated(): Map<string, { readonly cell: string; readonly rating: string }> {
  const rows = readFileSync(DOCUMENT, "utf8").matchAll(/^\| (.+?) \| (.+) \| ([0-3?]) \|$/gm);
  return new Map([...rows].map(([, input = "", cell = "", rating = "?"]) => [input, { cell, rating }]));
}

test("each wrong input is answered as docs/wrong-inputs.md says, and a reader rates each message 2 or 3", async () => {
  const before = rated();
  const lines = [
    "# Wrong inputs and what comes back",
    "",
    "Generated by `packages/e2e/src/wrong-inputs.e2e.test.ts`, which carries out every row. Each message is to say what is wrong, where, and what to do.",
    "",
    "The last column is a reader's: 3 where the message says all three, 2 where what to do is left to a guess that is easy. A message that changes loses its rating (`?`)",
    "until a reader who did not write it has read it.",
  ];
  let rows = 0;
  for (const { title, rows: all } of SECTIONS) {
    lines.push("", `## ${title}`, "", "| input | what comes back | of 3 |", "|---|---|---|");
    for (const { input, answer, possible = true } of all) {
      const shown = code(settled(input));
      const old = before.get(shown);
      rows++;
      if (!possible) {
        console.log(`not carried out on this machine: ${input}`);
        lines.push(`| ${shown} | ${old?.cell ?? ""} | ${old?.rating ?? "?"} |`);
        continue;
      }
      const said = settled(await answer());
      expect({ input, said }).toEqual({ input, said: expect.stringMatching(/\S+ \S+ \S+/) });
      expect(said.length).toBeLessThan(MAX_MESSAGE);
      lines.push(`| ${shown} | ${cell(said)} | ${old?.cell === cell(said) ? old.rating : "?"} |`);
    }
  }
  expect(rows).toBeGreaterThanOrEqual(MIN_ROWS);
  const document = `${lines.join("\n")}\n`;
  if (process.env.HOLDFAST_TEST_WRITE === "1") writeFileSync(DOCUMENT, document);
  expect(document).toBe(readFileSync(DOCUMENT, "utf8"));
  const poor = [...rated()].filter(([, { rating }]) => !/[23]/.test(rating)).map(([input]) => input);
  expect(poor).toEqual([]);
});

/** Ports, secrets and folders of this run as a reader has them. */
function settled(text: string): string {
  const ports: readonly (readonly [string, string])[] = [
    [new URL(open.http).host, "127.0.0.1:8080"],
    [new URL(closed.http).host, "127.0.0.1:8080"],
    [new URL(open.admin).host, "127.0.0.1:9080"],
    [new URL(closed.admin).host, "127.0.0.1:9080"],
    [`127.0.0.1:${redis.port}`, "127.0.0.1:6379"],
    [`port ${open.port} on`, "port 8080 on"],
    [`port ${new URL(open.admin).port} on`, "port 9080 on"],
    [SECRET, "…"],
    [folder, "."],
  ];
  return ports.reduce((all, [here, there]) => all.replaceAll(here, there), text);
}

/** Markdown outside of code; code stays as it is. */
function cell(text: string): string {
  const parts = text.replaceAll("|", "\\|").split("`");
  const shown = parts.map((part, n) =>
    n % 2 === 1 ? part : part.replaceAll("<", "&lt;").replaceAll("*", "\\*"),
  );
  return shown
    .join("`")
    .split("\n")
    .map((line) => line.trim())
    .join("<br>");
}

function code(text: string): string {
  const safe = text.replaceAll("|", "\\|");
  return safe.includes("`") ? cell(text) : `\`${safe}\``;
}
