import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Relay } from "./relay.js";

interface TestWorker {
  readonly owner: Owner;
  readonly relay: Relay;
  readonly server: Server;
  readonly port: number;
}

let directory: string;
let workers: TestWorker[];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-"));
  workers = [];
});

afterEach(async () => {
  for (const { relay, server } of workers) {
    relay.close();
    server.close();
    server.closeAllConnections();
  }
  await rm(directory, { recursive: true });
});

/** A worker that answers with its slot, the path and the body that it got. */
async function start(slot: number, generation = slot): Promise<TestWorker> {
  const owner = { slot, generation };
  const relay = new Relay(directory, owner, async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    response.setHeader("x-method", incoming.method ?? "");
    response.end(`${slot} ${incoming.url} ${body}`);
  });
  const server = createServer((incoming, response) => relay.handle(incoming, response));
  await relay.listen();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const worker = { owner, relay, server, port: (server.address() as AddressInfo).port };
  workers.push(worker);
  return worker;
}

function sid(owner: Owner): string {
  return `${ownerPrefix(owner)}0123456789abcdef`;
}

/** One request; all of a test go over one connection. */
async function ask(
  port: number,
  path: string,
  body = "",
): Promise<{ status: number; text: string; reused: boolean }> {
  const outgoing = request({ port, path, method: body === "" ? "GET" : "POST", agent });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text, reused: outgoing.reusedSocket };
}

describe("requests of several sessions on one connection", () => {
  it("are each answered by the worker that owns the session", async () => {
    const [a, b, c] = [await start(0), await start(1), await start(2)];
    expect(await ask(a.port, `/x?sid=${sid(b.owner)}`)).toMatchObject({ text: `1 /x?sid=${sid(b.owner)} ` });
    expect(await ask(a.port, `/x?sid=${sid(a.owner)}`)).toMatchObject({
      text: `0 /x?sid=${sid(a.owner)} `,
      reused: true,
    });
    const path = `/x?a=b&sid=${sid(c.owner)}&c=d`;
    expect(await ask(a.port, path, "the body")).toMatchObject({ text: `2 ${path} the body`, reused: true });
    expect(await ask(a.port, "/x")).toMatchObject({ text: "0 /x ", reused: true });
  });

  it("are answered here when the owner is gone, body and all", async () => {
    const [a, b] = [await start(0), await start(1)];
    b.relay.close();
    const path = `/x?sid=${sid(b.owner)}`;
    expect(await ask(a.port, path, "the body")).toMatchObject({ text: `0 ${path} the body` });
  });

  it("are answered here when another parameter's value or a fragment looks like a session", async () => {
    const [a, b] = [await start(0), await start(1)];
    for (const path of [`/x?next=/y?sid=${sid(b.owner)}`, `/x#?sid=${sid(b.owner)}`]) {
      expect((await ask(a.port, path)).text).toMatch(/^0 /);
    }
  });

  it("are answered here for a former life of the owner's slot", async () => {
    const [a] = [await start(0), await start(1, 1)];
    const former = `/x?sid=${sid({ slot: 1, generation: 2 })}`;
    expect(await ask(a.port, former)).toMatchObject({ text: `0 ${former} ` });
  });

  it("get a temporary error when the owner dies under the answer", async () => {
    const a = await start(0);
    const dying = createServer((incoming) => incoming.socket.destroy());
    dying.listen(join(directory, ownerPrefix({ slot: 1, generation: 1 })));
    await once(dying, "listening");
    const answer = await ask(a.port, `/x?sid=${sid({ slot: 1, generation: 1 })}`);
    dying.close();
    expect(answer).toMatchObject({ status: 503 });
    expect(JSON.parse(answer.text)).toMatchObject({ error: { name: "unavailable" } });
  });

  it("are followed by others when the owner has answered before the end of a large body", async () => {
    const a = await start(0);
    const owner = { slot: 1, generation: 1 };
    const hasty = createServer((_incoming, response) => response.end("hasty"));
    hasty.listen(join(directory, ownerPrefix(owner)));
    await once(hasty, "listening");
    const socket = connect(a.port, "127.0.0.1");
    const target = `/x?sid=${sid(owner)}`;
    try {
      let answers = "";
      socket.write(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`);
      socket.write(Buffer.alloc(10_000_000));
      while (!answers.includes("hasty")) answers += String((await once(socket, "data"))[0]);
      socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
      while (!answers.includes("0 /next")) answers += String((await once(socket, "data"))[0]);
      expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    } finally {
      socket.destroy();
      hasty.close();
      hasty.closeAllConnections();
    }
  });

  it("are not relayed twice", async () => {
    const [a, b] = [await start(0), await start(1)];
    // What comes over b's own Unix socket is answered by b, whatever it names.
    const outgoing = request({
      socketPath: join(directory, ownerPrefix(b.owner)),
      path: `/x?sid=${sid(a.owner)}`,
    });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    expect(text).toBe(`1 /x?sid=${sid(a.owner)} `);
  });
});
