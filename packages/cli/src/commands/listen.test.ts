import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type WebSocket, WebSocketServer } from "ws";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const WELCOME = '{"connect":{"sid":"x","resumed":false,"ping":25000,"pongTimeout":8000}}';

describe("listen", () => {
  let http: Server;
  let sockets: WebSocketServer;
  let url = "";
  let port = 0;
  const paths: string[] = [];

  beforeEach(async () => {
    paths.length = 0;
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

  /** Answers each connection, the first with the first script and so on. */
  const serve = (...scripts: ((socket: WebSocket) => void)[]): void => {
    sockets.on("connection", (socket, request) => {
      paths.push(request.url ?? "");
      scripts[Math.min(paths.length, scripts.length) - 1]?.(socket);
    });
  };
  const start = (terminal: TestTerminal, ...args: string[]) =>
    runProgram(["listen", ...args, "--url", url], terminal, { version: "1.2.3" });

  it("prints a line per publication and broadcast, until it is interrupted", async () => {
    serve((socket) => {
      socket.send(WELCOME);
      socket.send(
        '{"publication":{"channel":"news","data":{"a":1}}}\n{"publication":{"channel":"b,c","data":"x"}}',
      );
      socket.send('{"future":{}}');
      socket.send('{"broadcast":{"data":[2]}}');
    });
    const terminal = new TestTerminal();
    const code = start(terminal, "news", "b,c");
    await terminal.until(({ printed }) => printed.length === 3);
    terminal.interrupt();
    expect(await code).toBe(0);
    expect(terminal.printed).toEqual(['news {"a":1}', 'b,c "x"', "* [2]"]);
    expect(paths).toEqual(["/ws?channels=news,b%2Cc"]);
    expect(terminal.errors).toEqual([`listening at ws://127.0.0.1:${port}`]);
  });

  it("prints the data alone with --raw", async () => {
    serve((socket) => {
      socket.send(WELCOME);
      socket.send('{"publication":{"channel":"news","data":{"a":1}}}');
    });
    const terminal = new TestTerminal();
    const code = start(terminal, "news", "--raw");
    await terminal.until(({ printed }) => printed.length === 1);
    terminal.interrupt();
    await code;
    expect(terminal.printed).toEqual(['{"a":1}']);
  });

  it("answers pings", async () => {
    const pong = new Promise<string>((resolve) => {
      serve((socket) => {
        socket.on("message", (data) => resolve(String(data)));
        socket.send(WELCOME);
        socket.send("{}");
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
      (socket) => {
        socket.send(WELCOME);
        socket.send('{"drain":{"reconnectAfter":1,"deadline":5,"reason":"drain"}}');
        socket.close(3000, "drain");
      },
      (socket) => {
        socket.send(WELCOME);
        socket.send('{"publication":{"channel":"news","data":2}}');
      },
    );
    const terminal = new TestTerminal();
    const code = start(terminal, "news");
    await terminal.until(({ printed }) => printed.length === 1);
    terminal.interrupt();
    expect(await code).toBe(0);
    expect(terminal.errors[1]).toMatch(
      /^ws:\/\/\S+ closed the connection \(3000 drain\); trying again in \d\.\d s$/,
    );
    expect(paths).toHaveLength(2);
  });

  it("stays away when the server forbids to come back", async () => {
    serve((socket) => {
      socket.send(WELCOME);
      socket.close(3503, "forbidden");
    });
    const terminal = new TestTerminal();
    expect(await start(terminal, "news")).toBe(1);
    expect(terminal.errors.at(-1)).toBe(
      `holdfast: ws://127.0.0.1:${port} closed the connection (3503 forbidden)`,
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
    // Port 1 is nobody's.
    const code = await runProgram(["listen", "news", "--url", "ws://127.0.0.1:1/ws"], terminal, {
      version: "1.2.3",
    });
    expect(code).toBe(1);
    expect(terminal.errors).toEqual([
      expect.stringMatching(/^holdfast: no gateway at ws:\/\/127\.0\.0\.1:1 \(nothing/),
    ]);
  });

  it("refuses a URL that is none", async () => {
    const terminal = new TestTerminal();
    expect(await runProgram(["listen", "news", "--url", "http://x"], terminal, { version: "1.2.3" })).toBe(2);
    expect(terminal.errors[0]).toContain("--url must be a URL such as ws://127.0.0.1:8080/ws");
  });
});
