import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type WebSocket, WebSocketServer } from "ws";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const DATA = '{"n": 12345678901234567890}';

type Frame = Readonly<Record<string, unknown>> & { readonly id: number };
type Say = (frame: string) => void;

describe("listen", () => {
  let http: Server;
  let sockets: WebSocketServer;
  let url = "";
  let port = 0;
  let connections = 0;
  /** Commands of clients, without the name that the SDK gives itself. */
  const heard: Frame[] = [];

  beforeEach(async () => {
    heard.length = 0;
    connections = 0;
    http = createServer();
    sockets = new WebSocketServer({ server: http });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    port = (http.address() as AddressInfo).port;
    url = `ws://127.0.0.1:${port}/ws`;
  });
  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    await new Promise((resolve) => sockets.close(resolve));
    await new Promise((resolve) => http.close(resolve));
  });

  /** Answers as a gateway would; each connection that stands is then told what its script says. */
  const serve = (...scripts: ((say: Say, socket: WebSocket) => void)[]): void => {
    sockets.on("connection", (socket) => {
      const script = scripts[Math.min(connections++, scripts.length - 1)];
      const say: Say = (frame) => socket.send(frame);
      socket.on("message", (data) => {
        for (const line of String(data).split("\n")) {
          if (line !== "{}") answer(JSON.parse(line) as Frame, say);
          if (line.includes('"connect":')) script?.(say, socket);
        }
      });
    });
  };
  const answer = (frame: Frame, say: Say): void => {
    heard.push(frame);
    const { id, connect, subscribe, history } = frame as Frame & {
      readonly connect?: { readonly subs?: Record<string, unknown> };
      readonly subscribe?: { readonly channel: string };
      readonly history?: object;
    };
    const at = '"offset":2,"epoch":"e"';
    if (connect !== undefined) {
      const subs = Object.keys(connect.subs ?? {}).map((each) => `${JSON.stringify(each)}:{${at}}`);
      say(
        `{"id":${id},"connect":{"sid":"x","resumed":false,"ping":25000,"pongTimeout":8000,"subs":{${subs}}}}`,
      );
    } else if (history !== undefined) {
      say(
        `{"id":${id},"history":{${at},"publications":[{"offset":2,"data":${DATA}},{"offset":1,"data":1.10}]}}`,
      );
    } else if (subscribe !== undefined) say(`{"id":${id},"subscribe":{"recovered":true,${at}}}`);
  };
  const start = (terminal: TestTerminal, ...args: string[]) =>
    runProgram(["listen", ...args, "--url", url], terminal, { version: "1.2.3" });
  const publication = (channel: string, data: string, offset?: number): string =>
    `{"publication":{"channel":"${channel}",${offset === undefined ? "" : `"offset":${offset},`}"data":${data}}}`;

  it("prints a line per publication and broadcast as it was written, until it is interrupted", async () => {
    serve((say) => {
      say(`${publication("news", DATA, 3)}\n${publication("b,c", '"x"', 3)}`);
      say('{"future":{}}');
      say('{"broadcast":{"data":[2.50]}}');
    });
    const terminal = new TestTerminal();
    const code = start(terminal, "news", "b,c");
    await terminal.until(({ printed }) => printed.length === 3);
    terminal.interrupt();
    expect(await code).toBe(0);
    expect(terminal.printed).toEqual([`news ${DATA}`, 'b,c "x"', "* [2.50]"]);
    expect(heard[0]).toMatchObject({ connect: { client: "holdfast-cli", subs: { news: {}, "b,c": {} } } });
    expect(terminal.errors).toEqual([`listening at ws://127.0.0.1:${port}`]);
  });

  it("prints the data alone with --raw, and objects with --json", async () => {
    serve((say) => say(`${publication("news", DATA, 3)}\n{"broadcast":{"data":1}}`));
    const raw = new TestTerminal();
    expect(await start(raw, "news", "--raw", "--count", "2")).toBe(0);
    expect(raw.printed).toEqual([DATA, "1"]);
    const json = new TestTerminal();
    expect(await start(json, "news", "--json", "--count", "2")).toBe(0);
    expect(json.printed).toEqual([
      `{"channel":"news","position":"3:e","data":${DATA}}`,
      '{"channel":null,"data":1}',
    ]);
  });

  it("ends with --count, and prints no line more", async () => {
    serve((say) => say([1, 2, 3].map((each) => publication("news", String(each), each + 2)).join("\n")));
    const terminal = new TestTerminal();
    expect(await start(terminal, "news", "--count", "2")).toBe(0);
    expect(terminal.printed).toEqual(["news 1", "news 2"]);
  });

  it("begins with some of the past, oldest first, and goes on behind it", async () => {
    serve(() => {});
    const terminal = new TestTerminal();
    const code = start(terminal, "news", "--history", "2", "--json");
    await terminal.until(({ errors }) => errors.length === 1);
    terminal.interrupt();
    expect(await code).toBe(0);
    expect(terminal.printed).toEqual([
      '{"channel":"news","position":"1:e","data":1.10}',
      `{"channel":"news","position":"2:e","data":${DATA}}`,
    ]);
    expect(heard.slice(1)).toMatchObject([
      { history: { channel: "news", limit: 2, reverse: true } },
      { subscribe: { channel: "news", since: { offset: 2, epoch: "e" } } },
    ]);
  });

  it("begins after a position, with a token of flag or environment", async () => {
    serve((say) => say(publication("news", "3", 3)));
    const terminal = new TestTerminal();
    terminal.env.HOLDFAST_TOKEN = "of.the.env";
    expect(await start(terminal, "news", "--since", "1:e", "--count", "1")).toBe(0);
    expect(await start(terminal, "news", "--token", "of.the.flag", "--count", "1")).toBe(0);
    expect(heard).toMatchObject([
      { connect: { token: "of.the.env", subs: { news: { offset: 1, epoch: "e" } } } },
      { connect: { token: "of.the.flag" } },
    ]);
  });

  it("answers pings", async () => {
    const pong = new Promise<string>((resolve) => {
      serve((say, socket) => {
        socket.on("message", (data) => resolve(String(data)));
        say("{}");
      });
    });
    const terminal = new TestTerminal();
    const code = start(terminal, "news");
    expect(await pong).toBe("{}");
    terminal.interrupt();
    await code;
  });

  it("comes back after the link was lost, when the server wants it", async () => {
    serve(
      (say, socket) => {
        say('{"drain":{"reconnectAfter":1,"deadline":5,"reason":"drain"}}');
        socket.close(3000, "drain");
      },
      (say) => say(publication("news", "2", 3)),
    );
    const terminal = new TestTerminal();
    const code = start(terminal, "news");
    await terminal.until(({ printed }) => printed.length === 1);
    terminal.interrupt();
    expect(await code).toBe(0);
    expect(terminal.errors[1]).toMatch(
      /^ws:\/\/\S+ closed the connection \(3000 drain\); trying again in \d\.\d s$/,
    );
    expect(connections).toBe(2);
  });

  it("stays away when the server forbids to come back", async () => {
    serve((_say, socket) => socket.close(3503, "forbidden"));
    const terminal = new TestTerminal();
    expect(await start(terminal, "news")).toBe(1);
    expect(terminal.errors.at(-1)).toBe(
      `holdfast: ws://127.0.0.1:${port} closed the connection (3503 forbidden): name a token that allows it with --token or HOLDFAST_TOKEN`,
    );
  });

  it("fails in one line with the server's reason when the request is refused", async () => {
    sockets.options.verifyClient = (
      _info: unknown,
      done: (ok: boolean, code: number, text: string) => void,
    ): void => done(false, 403, '{"error":{"code":102,"name":"forbidden","message":"Not that one."}}');
    const terminal = new TestTerminal();
    expect(await start(terminal, "user:1")).toBe(1);
    expect(terminal.errors).toEqual([
      `holdfast: ws://127.0.0.1:${port} refused with 403: Not that one. (forbidden)`,
    ]);
  });

  it("fails in one line when nothing listens", async () => {
    const terminal = new TestTerminal();
    // No process listens on port 1.
    const code = await runProgram(["listen", "news", "--url", "ws://127.0.0.1:1/ws"], terminal, {
      version: "1.2.3",
    });
    expect(code).toBe(1);
    expect(terminal.errors).toEqual([
      expect.stringMatching(/^holdfast: no gateway at ws:\/\/127\.0\.0\.1:1 \(nothing/),
    ]);
  });

  it.each([
    [["--url", "ftp://x"], "--url must be a URL such as ws://127.0.0.1:8080/ws"],
    [["--since", "4"], "It must be an offset and an epoch"],
    [["sport", "--since", "4:e"], "--since is a place in one channel"],
    [["--token", "two words"], "--token must be a token: one word"],
    [["--history", "0"], "It must be a whole number from 1 to "],
    [["--raw", "--json"], "cannot be used with"],
  ])("refuses what makes no sense: %j", async (args, line) => {
    const terminal = new TestTerminal();
    expect(await runProgram(["listen", "news", ...args], terminal, { version: "1.2.3" })).toBe(2);
    expect(terminal.errors[0]).toContain(line);
  });
});
