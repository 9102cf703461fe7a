import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { systemClock } from "@holdfast/core";
import { afterEach, describe, expect, test } from "@jest/globals";
import { HookClient, type HookClientOptions, type HookReply } from "./hook-client.js";

const OPTIONS: HookClientOptions = { secret: "a secret", timeoutMs: 5000, concurrency: 4, maxWaiting: 8 };

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(answer: Answer): Promise<{ url: URL; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += String(chunk);
    });
    request.on("end", () => answer(request, response, body));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`), server, sockets };
}

function client(options: Partial<HookClientOptions> = {}): HookClient {
  const made = new HookClient({ ...OPTIONS, ...options }, systemClock);
  closing.push(() => made.close());
  return made;
}

const problemOf = (reply: HookReply): string => ("problem" in reply ? reply.problem : "none");
const ok: Answer = (_request, response) => response.end('{"allow":true}');

describe("the client of webhooks", () => {
  test("posts the body, signed with the time, and gives back the answer's", async () => {
    let seen: { headers: IncomingMessage["headers"]; body: string; method: string | undefined } | undefined;
    const { url } = await serve((request, response, body) => {
      seen = { headers: request.headers, body, method: request.method };
      response.end('{"allow":true,"é":1}');
    });
    expect(await client().ask(url, '{"é":1}')).toEqual({ body: '{"allow":true,"é":1}' });
    const { headers = {}, body, method } = seen ?? {};
    expect([method, body, headers["content-type"]]).toEqual(["POST", '{"é":1}', "application/json"]);
    const timestamp = String(headers["holdfast-timestamp"]);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    const mac = createHmac("sha256", "a secret").update(`${timestamp}.{"é":1}`).digest("hex");
    expect(headers["holdfast-signature"]).toBe(`v1=${mac}`);
  });

  test("uses a connection again", async () => {
    const { url, server } = await serve(ok);
    let connections = 0;
    server.on("connection", () => connections++);
    const asking = client();
    for (let i = 0; i < 5; i++) await asking.ask(url, "{}");
    expect(connections).toBe(1);
  });

  test("gives up on one that hangs, that never ends its answer, or that is slow to begin with it", async () => {
    const { url } = await serve((request, response) => {
      if (request.url === "/half") response.write('{"allow":');
      if (request.url === "/drip") setInterval(() => response.write(" "), 5).unref();
    });
    const asking = client({ timeoutMs: 100 });
    for (const path of ["/hang", "/half", "/drip"])
      expect(problemOf(await asking.ask(new URL(path, url), "{}"))).toBe("no answer within 100 ms");
    expect(asking.pending).toBe(0);
  });

  test.each([
    ["500", "the status 500", (_, response) => response.writeHead(500).end('{"allow":true}')],
    ["204", "the status 204", (_, response) => response.writeHead(204).end()],
    ["a redirect", "the status 302", (_, response) => response.writeHead(302, { Location: "/yes" }).end()],
    ["a huge answer", /more than 16384 bytes/, (_, response) => response.end("x".repeat(1024 * 1024))],
    [
      "an answer that is larger than it said",
      /Parse Error/,
      (request) => request.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}nonsense"),
    ],
    [
      "an answer in another encoding than UTF-8",
      "an answer that is not UTF-8",
      (_, response) => response.end(Buffer.from('{"allow":true,"sub":"Zoë"}', "latin1")),
    ],
    ["nonsense", /Parse Error/, (request) => request.socket.end("this is not HTTP\r\n\r\n")],
    ["an end without an answer", /hang up/, (request) => request.socket.destroy()],
    [
      "an end within the answer",
      /aborted/,
      (request) => request.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    ],
  ] as [string, string | RegExp, Answer][])(
    "takes %s for no answer, and goes on",
    async (_, problem, answer) => {
      let asked = 0;
      const { url } = await serve((request, response, body) => {
        asked++;
        if (request.url === "/yes") ok(request, response, body);
        else answer(request, response, body);
      });
      const asking = client();
      const reply = await asking.ask(url, "{}");
      if (problem instanceof RegExp && "body" in reply) expect(reply.body).toBe("{");
      else expect(problemOf(reply)).toEqual(expect.stringMatching(problem));
      expect(asked).toBe(1);
      expect(await asking.ask(new URL("/yes", url), "{}")).toEqual({ body: '{"allow":true}' });
    },
  );

  test("says so when no server is there", async () => {
    const { url, server } = await serve(ok);
    server.close();
    await once(server, "close");
    expect(problemOf(await client().ask(url, "{}"))).toMatch(/ECONNREFUSED/);
  });

  test("asks again, once, where the connection was closed while it was idle", async () => {
    const { url, server, sockets } = await serve(ok);
    let asked = 0;
    server.on("request", () => asked++);
    const asking = client();
    await asking.ask(url, "{}");
    // Closed by the other side, and this one has yet to notice.
    const reply = asking.ask(url, "{}");
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await reply).toEqual({ body: '{"allow":true}' });
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(3);
  });

  test("does not ask again where every connection ends so", async () => {
    let connections = 0;
    const server = createTcpServer((socket) => {
      connections++;
      // The first question is answered, everything after it meets a closed connection.
      if (connections > 1) {
        socket.resetAndDestroy();
        return;
      }
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        socket.once("data", () => socket.resetAndDestroy());
      });
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await once(server, "listening");
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const asking = client();
    expect(await asking.ask(url, "{}")).toEqual({ body: "{}" });
    expect(problemOf(await asking.ask(url, "{}"))).toMatch(/ECONNRESET|hang up/);
    expect(connections).toBe(2);
  });

  test("has so many under way, lets so many wait, and refuses the rest at once", async () => {
    let most = 0;
    const open: ServerResponse[] = [];
    const { url } = await serve((_request, response) => {
      open.push(response);
      most = Math.max(most, open.length);
    });
    const asking = client({ concurrency: 2, maxWaiting: 3 });
    const replies = Array.from({ length: 100 }, () => asking.ask(url, "{}"));
    expect(asking.pending).toBe(5);
    const refused = await Promise.all(replies.slice(5));
    expect(new Set(refused.map(problemOf))).toEqual(new Set(["3 questions wait already"]));
    const answering = setInterval(() => open.shift()?.end("{}"), 5);
    closing.push(() => clearInterval(answering));
    expect(await Promise.all(replies.slice(0, 5))).toEqual(Array.from({ length: 5 }, () => ({ body: "{}" })));
    expect(most).toBe(2);
    expect(asking.pending).toBe(0);
  });

  test("keeps room for others while one asks all it can, and lets them take turns", async () => {
    const asked: string[] = [];
    const open: ServerResponse[] = [];
    let next = (): void => {};
    const { url } = await serve((_request, response, body) => {
      asked.push(body);
      open.push(response);
      next();
    });
    const arrival = async (): Promise<void> => {
      while (open.length === 0)
        await new Promise<void>((resolve) => {
          next = resolve;
        });
    };
    const asking = client({ concurrency: 1, maxWaiting: 20 });
    const flood = Array.from({ length: 60 }, (_, nth) => asking.ask(url, `flood ${nth}`, "192.0.2.1"));
    expect(asking.pending).toBe(1 + 10);
    expect(problemOf((await flood.at(-1)) ?? { body: "" })).toBe("10 of its client's questions wait already");
    const quiet = ["192.0.2.2", "192.0.2.3"].map((from) => asking.ask(url, from, from));
    expect(asking.pending).toBe(1 + 10 + 2);
    for (let answered = 0; answered < 5; answered++) {
      await arrival();
      open.shift()?.end("{}");
    }
    await Promise.all(quiet);
    expect(asked.slice(0, 5)).toEqual(["flood 0", "flood 1", "192.0.2.2", "192.0.2.3", "flood 2"]);
    asking.close();
  });

  test("counts the waiting into the deadline, and goes on after a hang", async () => {
    let hang = true;
    const { url } = await serve((request, response, body) => {
      if (!hang) ok(request, response, body);
    });
    const asking = client({ concurrency: 1, timeoutMs: 100 });
    const replies = await Promise.all([asking.ask(url, "1"), asking.ask(url, "2"), asking.ask(url, "3")]);
    expect(replies.map(problemOf)).toEqual(Array.from({ length: 3 }, () => "no answer within 100 ms"));
    hang = false;
    expect(await asking.ask(url, "{}")).toEqual({ body: '{"allow":true}' });
  });

  test("settles everything when it is closed", async () => {
    const { url } = await serve(() => {});
    const asking = client({ concurrency: 1 });
    const replies = [asking.ask(url, "1"), asking.ask(url, "2")];
    asking.close();
    expect((await Promise.all(replies)).map(problemOf)).toEqual(["the worker ends", "the worker ends"]);
    expect(problemOf(await asking.ask(url, "3"))).toBe("the worker ends");
  });
});
