import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import { type CutReason, Exchanges, MAX_PIPELINED } from "../../http/exchanges.js";
import { type AdminRoutes, AdminServer } from "./server.js";

const MAX_BODY = 1_000;
let servers: AdminServer[] = [];
let clock = new FakeClock();
let cut: CutReason[] = [];

async function listen(routes: AdminRoutes = ROUTES, key?: string, maxConnections = 6) {
  const logger = new RecordingLogger();
  const exchanges = new Exchanges(clock, 3_000, (why) => cut.push(why));
  const options = { host: "127.0.0.1", port: 0, key, maxConnections };
  const server = new AdminServer(options, routes, MAX_BODY, logger, exchanges);
  servers.push(server);
  const port = await server.listen();
  return { server, logger, port };
}

const ROUTES: AdminRoutes = {
  "GET /thing": () => ({ status: 200, body: "text\n" }),
  "POST /thing": (body) => ({ status: 200, body: { got: body } }),
  "POST /fails": () => Promise.reject(new Error("secret detail")),
};

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** By hand: `fetch` refuses to send half of these. */
function ask(
  port: number,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  const { body = "", headers = {} } = options;
  return new Promise((resolve, reject) => {
    const json = method === "POST" ? { "Content-Type": "application/json" } : {};
    const sent = request({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: false,
      headers: { ...json, ...headers },
    });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      // Not at its end: what is still being sent must not fail either.
      sent.on("close", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"], text }),
      );
    });
    sent.end(body);
  });
}

describe("the admin port", () => {
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.close()));
    servers = [];
    expect(clock.timers).toBe(0);
    clock = new FakeClock();
    cut = [];
  });

  it("is not filled by connections that say nothing, and closes the one that has waited longest", async () => {
    const { port } = await listen();
    const closed: number[] = [];
    const silent = Array.from({ length: 9 }, (_, index) =>
      connect(port, "127.0.0.1").on("close", () => closed.push(index)),
    );
    for (const socket of silent) socket.resume().on("error", () => {});
    for (let i = 0; i < 3; i++) expect((await ask(port, "GET", "/thing")).status).toBe(200);
    while (closed.length < 3) await new Promise(setImmediate);
    expect(closed).toContain(0);
    expect(closed).not.toContain(8);
    for (const socket of silent) socket.destroy();
  });

  it("carries out only so many requests at once, and still answers a probe", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const answer = { status: 200, body: "late" };
    const routes: AdminRoutes = {
      "GET /slow": () => released.then(() => answer),
      "GET /livez": () => ({ status: 200, body: "ok" }),
    };
    const { port } = await listen(routes, undefined, 16);
    // Pipelined, as many as one connection may have under way.
    const slow = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(MAX_PIPELINED - 1);
    const sockets = Array.from({ length: 11 }, () => connect(port, "127.0.0.1"));
    let answers = "";
    for (const socket of sockets) {
      socket.on("data", (bytes) => {
        answers += String(bytes);
      });
      socket.write(slow);
    }
    while ((await ask(port, "GET", "/slow")).status !== 503);
    expect((await ask(port, "GET", "/livez")).status).toBe(200);
    release();
    while (!answers.includes("503")) await new Promise(setImmediate);
    for (const socket of sockets) socket.destroy();
  });

  it("holds only so many bytes of bodies at once", async () => {
    const refused: number[] = [];
    const server = new AdminServer(
      { host: "127.0.0.1", port: 0, key: undefined, maxConnections: 50 },
      ROUTES,
      20_000_000,
      new RecordingLogger(),
      new Exchanges(clock, 3_000, () => {}),
      () => refused.push(1),
    );
    servers.push(server);
    const port = await server.listen();
    const head =
      "POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19000000\r\n\r\n";
    const sockets = Array.from({ length: 5 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    for (const socket of sockets) {
      socket.write(head);
      socket.write(Buffer.alloc(18_999_999));
    }
    while (refused.length === 0) await new Promise(setImmediate);
    for (const socket of sockets) socket.destroy();
    while ((await ask(port, "POST", "/thing", { body: "1" })).status !== 200);
  });

  it("answers by method and path, with or without a query", async () => {
    const { port } = await listen();
    expect(await ask(port, "GET", "/thing?a=b")).toEqual({
      status: 200,
      type: "text/plain; charset=utf-8",
      text: "text\n",
    });
    expect(await ask(port, "POST", "/thing", { body: '{"a":[1]}' })).toEqual({
      status: 200,
      type: "application/json",
      text: '{"got":{"a":[1]}}\n',
    });
    expect(await ask(port, "HEAD", "/thing")).toMatchObject({ status: 200, text: "" });
  });

  it.each([
    ["another path", "GET", "/nope", {}, 404, "not_found"],
    ["a path of JavaScript", "GET", "/__proto__", {}, 404, "not_found"],
    ["another method", "PUT", "/thing", {}, 405, "bad_method"],
    ["a preflight", "OPTIONS", "/thing", {}, 405, "bad_method"],
    ["no body", "POST", "/thing", {}, 400, "bad_request"],
    ["what is not JSON", "POST", "/thing", { body: "{" }, 400, "bad_request"],
    [
      "a body of another type",
      "POST",
      "/thing",
      { headers: { "Content-Type": "text/plain" } },
      415,
      "refused",
    ],
    ["another host", "GET", "/thing", { headers: { Host: "evil.example" } }, 403, "refused"],
    ["a body that is too big", "POST", "/thing", { body: "x".repeat(MAX_BODY + 1) }, 413, "too_big"],
    // More than fits into the buffers on the way: an answer that does not wait is lost in the reset.
    ["one that is much too big", "POST", "/thing", { body: "x".repeat(20_000_000) }, 413, "too_big"],
  ])("refuses %s", async (_what, method, path, options, status, name) => {
    const { port, logger } = await listen();
    const answer = await ask(port, method, path, options);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.text);
    expect(error.name).toBe(name);
    expect(error.message).toMatch(/^.+\.$/s);
    expect(logger.lines).toEqual([]);
  });

  it.each([
    ["", "The body is empty"],
    ["{", "The body is not JSON"],
    [Buffer.from([0x22, 0xff, 0x22]), "The body is not UTF-8."],
    ["[".repeat(200) + "]".repeat(200), "nests deeper than"],
    ["[".repeat(900), "nests deeper than"],
  ])("says what is wrong with the body %j", async (body, sentence) => {
    const { port } = await listen();
    const answer = await ask(port, "POST", "/thing", { body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error.message).toContain(sentence);
  });

  it("zips what many ask for, for clients that take it so", async () => {
    const shared = { workers: Array.from({ length: 50 }, (_, slot) => ({ slot, state: "ready" })) };
    const { port } = await listen({
      "GET /shared": () => ({ status: 200, body: shared, isShared: true }),
      "GET /own": () => ({ status: 200, body: shared }),
    });
    const get = async (path: string, accepted: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "Accept-Encoding": accepted, Connection: "close" },
      });
      expect(await response.json()).toEqual(shared);
      return [response.headers.get("content-encoding"), response.headers.get("vary")];
    };
    expect(await get("/shared", "br, gzip;q=0.5")).toEqual(["gzip", "Accept-Encoding"]);
    expect(await get("/shared", "gzip;q=0, br")).toEqual([null, "Accept-Encoding"]);
    expect(await get("/shared", "identity")).toEqual([null, "Accept-Encoding"]);
    expect(await get("/own", "gzip")).toEqual([null, null]);
  });

  it("names the methods of a path, and the paths that there are", async () => {
    const { port } = await listen();
    const refused = await fetch(`http://127.0.0.1:${port}/thing`, { method: "DELETE" });
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, POST, HEAD");
    expect(await refused.text()).toContain("Use GET or POST /thing.");
    const { text } = await ask(port, "GET", "/thingg");
    expect(text).toContain("There is no /thingg (did you mean /thing?). There are: /thing, /fails.");
  });

  it("asks for the key before anything else", async () => {
    const { port } = await listen(ROUTES, "key");
    expect((await ask(port, "GET", "/nope")).status).toBe(401);
    expect((await ask(port, "GET", "/thing", { headers: { Authorization: "Bearer key" } })).status).toBe(200);
  });

  it("keeps what went wrong inside to the log", async () => {
    const { port, logger } = await listen();
    const answer = await ask(port, "POST", "/fails", { body: "1" });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(logger.messages("error")).toEqual(["an admin request failed"]);
    expect((await ask(port, "GET", "/thing")).status).toBe(200);
  });

  it("does not take a peer that leaves in the middle of its body for an error of ours", async () => {
    const { port, logger } = await listen();
    const head =
      "POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n";
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.write(`${head}{`, resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resetAndDestroy();
    await closed;
    await ask(port, "GET", "/thing");
    expect(logger.lines).toEqual([]);
  });

  it("closes while a request is under way and one connection idles, twice if need be", async () => {
    const entered = { resolve: (): void => {} };
    const inside = new Promise<void>((resolve) => {
      entered.resolve = resolve;
    });
    const { port, server } = await listen({
      "GET /never": () => {
        entered.resolve();
        return new Promise(() => {});
      },
    });
    const idle = connect(port, "127.0.0.1");
    idle.on("error", () => {});
    const cut = expect(ask(port, "GET", "/never")).rejects.toThrow();
    await inside;
    await Promise.all([server.close(), server.close()]);
    await cut;
    await expect(ask(port, "GET", "/never")).rejects.toThrow("ECONNREFUSED");
    idle.destroy();
  });

  it("answers a few pipelined requests, and ends the connection with the last of them", async () => {
    let asked = 0;
    const routes: AdminRoutes = {
      "GET /thing": () => {
        asked++;
        return { status: 200, body: "text\n" };
      },
    };
    const { port } = await listen(routes);
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
    socket.write("GET /thing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(700));
    await once(socket, "close");
    expect(asked).toBe(MAX_PIPELINED);
    expect(cut).toContain("pipelined");
  });

  it("cuts a connection whose answer is not read in time", async () => {
    const big = "x".repeat(8_000_000);
    const { port } = await listen({ "GET /big": () => ({ status: 200, body: big }) });
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write("GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await once(socket, "readable");
    clock.advance(4_000);
    expect(cut).toEqual([]);
    clock.advance((8_000_000 / 16_384) * 1000);
    expect(cut).toEqual(["unread"]);
    socket.resume();
    await once(socket, "close");
  });

  it.each([
    ["a tunnel", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["two hosts", "GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400],
    ["a malformed host", "GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ["a fragment", "GET /livez#x HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["an absolute target", "GET http://localhost/thing HTTP/1.1\r\nHost: x\r\n\r\n", 200],
    ["HTTP/2.0", "GET /thing HTTP/2.0\r\nHost: localhost\r\n\r\n", 505],
    ["too many headers", `GET /thing HTTP/1.1\r\nHost: localhost\r\n${"a:\r\n".repeat(2_001)}\r\n`, 431],
    [
      "a body beyond the limit that is announced",
      "POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
      413,
    ],
    ["no host", "GET /thing HTTP/1.1\r\n\r\n", 400],
    ["an expectation", "GET /thing HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417],
    ["what is no request", "GET\r\n\r\n", 400],
  ])("answers %s", async (_what, text, status) => {
    const { port } = await listen();
    const socket = connect(port, "127.0.0.1");
    socket.write(text);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toString()).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    expect(answer.toString()).toMatch(/\r\nConnection: (?:keep-alive|close)\r\n/);
    socket.destroy();
  });

  it("answers nothing behind the answer that ends a connection", async () => {
    const { port } = await listen();
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes;
    });
    // A body without a length is no body: what follows the head is read as another request.
    socket.write('DELETE /thing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n{"a":1}');
    await once(socket, "close");
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 405"]);
  });

  it("rejects with the system's error when the port is taken", async () => {
    const { port } = await listen();
    const exchanges = new Exchanges(clock, 3_000, () => {});
    const options = { host: "127.0.0.1", port, key: undefined, maxConnections: 6 };
    const second = new AdminServer(options, {}, 1, new RecordingLogger(), exchanges);
    await expect(second.listen()).rejects.toMatchObject({ code: "EADDRINUSE" });
    await second.close();
  });
});
