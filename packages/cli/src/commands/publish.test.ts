import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

interface Answer {
  readonly status: number;
  readonly body: string;
}

const run = (terminal: TestTerminal, ...args: string[]) => runProgram(args, terminal, { version: "1.2.3" });

describe("publish and broadcast through the admin API", () => {
  let server: Server;
  let url = "";
  let answer: Answer = { status: 200, body: "{}" };
  const requests: { method: string; url: string; authorization: string; type: string; body: string }[] = [];

  beforeEach(async () => {
    requests.length = 0;
    answer = { status: 200, body: "{}" };
    server = createServer(async (request: IncomingMessage, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { authorization = "", "content-type": type = "" } = request.headers;
      requests.push({ method: request.method ?? "", url: request.url ?? "", authorization, type, body });
      response.writeHead(answer.status, { Connection: "close" }).end(answer.body);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it("publishes JSON as it is, and says so", async () => {
    const terminal = new TestTerminal();
    // Numbers beyond what JavaScript can hold arrive unchanged.
    expect(await run(terminal, "publish", "news", '{"n":12345678901234567890}', "--admin", url)).toBe(0);
    expect(requests).toEqual([
      {
        method: "POST",
        url: "/api/publish",
        authorization: "",
        type: "application/json",
        body: '{"channel":"news","data":{"n":12345678901234567890}}',
      },
    ]);
    expect(terminal.printed).toEqual([`published to news (26 bytes of JSON) through ${url}`]);
  });

  it("publishes other text as a string", async () => {
    const terminal = new TestTerminal();
    expect(await run(terminal, "publish", "news", "hello world", "--admin", url)).toBe(0);
    expect(requests[0]?.body).toBe('{"channel":"news","data":"hello world"}');
    expect(terminal.printed[0]).toContain("as a JSON string");
  });

  it("takes --url, and --admin as before", async () => {
    for (const name of ["--url", "--admin"]) {
      const terminal = new TestTerminal();
      expect(await run(terminal, "publish", "news", "1", name, url)).toBe(0);
      expect(terminal.printed[0]).toContain(`through ${url}`);
    }
    expect(requests).toHaveLength(2);
  });

  it("repeats no secret of the URL", async () => {
    const terminal = new TestTerminal();
    expect(await run(terminal, "publish", "news", "1", "--url", `${url}/?key=hush`)).toBe(0);
    const urls = [url.replace("//", "//ann:hush@"), "ann:hush@10.1.2.3", "10.1.2.3:9080?key=hush"];
    for (const wrong of urls) expect(await run(terminal, "publish", "news", "1", "--url", wrong)).toBe(2);
    expect(terminal.printed.concat(terminal.errors).join("\n")).not.toContain("hush");
  });

  it("reads standard input for -, without the newline at its end", async () => {
    const terminal = new TestTerminal();
    terminal.typed = '{"n": 12345678901234567890}\n';
    expect(await run(terminal, "publish", "news", "-", "--url", url)).toBe(0);
    terminal.typed = "two\nlines\n";
    expect(await run(terminal, "broadcast", "-", "--url", url)).toBe(0);
    expect(requests.map(({ body }) => body)).toEqual([
      '{"channel":"news","data":{"n": 12345678901234567890}}',
      '{"data":"two\\nlines"}',
    ]);
  });

  it("broadcasts, with the key of flag or environment", async () => {
    const terminal = new TestTerminal();
    terminal.env.HOLDFAST_ADMIN_KEY = "from-env";
    expect(await run(terminal, "broadcast", "1", "--admin", url)).toBe(0);
    expect(await run(terminal, "broadcast", "1", "--admin", url, "--admin-key", "from-flag")).toBe(0);
    expect(requests.map(({ url: path, authorization, body }) => [path, authorization, body])).toEqual([
      ["/api/broadcast", "Bearer from-env", '{"data":1}'],
      ["/api/broadcast", "Bearer from-flag", '{"data":1}'],
    ]);
  });

  it.each<[string, Answer, RegExp]>([
    [
      "wants a key",
      { status: 401, body: "{}" },
      /^holdfast: the gateway at \S+ wants a key: say --admin-key/,
    ],
    [
      "is something else",
      { status: 404, body: "<html>" },
      /is not a gateway's admin port, .*: name it with --url <url>$/,
    ],
    [
      "refuses",
      { status: 503, body: '{"error":{"code":503,"name":"unavailable","message":"The broker is away."}}' },
      /refused with 503: The broker is away\. \(unavailable\)$/,
    ],
    ["is in trouble", { status: 500, body: "" }, /refused with 500: no reason given$/],
  ])("fails in one line when what answers %s", async (_what, said, line) => {
    answer = said;
    const terminal = new TestTerminal();
    expect(await run(terminal, "publish", "news", "1", "--admin", url)).toBe(1);
    expect(terminal.printed).toEqual([]);
    expect(terminal.errors).toEqual([expect.stringMatching(line)]);
  });

  it("fails in one line when nothing listens", async () => {
    const port = (server.address() as AddressInfo).port;
    server.close();
    await once(server, "close");
    const terminal = new TestTerminal();
    expect(await run(terminal, "publish", "news", "1", "--admin", url)).toBe(1);
    expect(terminal.errors).toEqual([
      `holdfast: no gateway at http://127.0.0.1:${port} (nothing listens there): ` +
        "start one with `holdfast start`, or name its admin port with --url <url>",
    ]);
    server.listen(0);
    await once(server, "listening");
  });
});

describe("a publish that is asked for wrongly", () => {
  it.each([
    [
      ["publish", "a b", "1"],
      "holdfast: the channel's name has a space (character 2): write - or _ in its place",
    ],
    [
      ["publish", "news", "1", "--admin", "localhost"],
      'holdfast: --url must be a URL of an admin port such as http://127.0.0.1:9080, not "localhost"',
    ],
    [["publish", "news", "1", "--redis", "http://x"], /^holdfast: --redis must read redis:\/\//],
    [["publish", "news"], /missing required argument 'data'/],
    [["publish", "news", "1", "--ulr", "x"], /unknown option '--ulr' \(did you mean --url\?\)/],
    [["publsh", "news", "1"], /unknown command 'publsh' \(did you mean publish\?\)/],
  ])("%j ends with 2", async (args, line) => {
    const terminal = new TestTerminal();
    expect(await run(terminal, ...args)).toBe(2);
    expect(terminal.errors).toEqual([typeof line === "string" ? line : expect.stringMatching(line)]);
  });

  it("says where no Redis is", async () => {
    const terminal = new TestTerminal();
    // No process listens on port 1.
    expect(await run(terminal, "publish", "news", "1", "--redis", "redis://:pass@127.0.0.1:1")).toBe(1);
    expect(terminal.errors[0]).toMatch(/^holdfast: no Redis at redis:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED/);
  });
});
