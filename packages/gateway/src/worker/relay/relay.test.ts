import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, type WorkerDirectory } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Exchanges } from "../../http/exchanges.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { InstanceSeal } from "./instance-seal.js";
import { OtherInstances } from "./other-instances.js";
import { Relay, type RelayOptions } from "./relay.js";
import { ANSWERED, FORWARDED } from "./relay-headers.js";

type Answer = (incoming: IncomingMessage, response: ServerResponse, relayed: boolean) => void;

interface TestWorker {
  readonly owner: Owner;
  readonly relay: Relay;
  readonly server: Server;
  readonly port: number;
  readonly routed: string[];
  /** Requests that it answered. */
  readonly answered: IncomingMessage[];
}

/** An instance of the tests: a directory of Unix sockets. */
let near: string;
let far: string;
let workers: TestWorker[];
let others: Server[];
/** Whether the directory has what no instance has written. */
let forged = false;
/** What the cluster's directory says, and what it was asked. */
let addresses: Map<string, string>;
let asked: string[];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeEach(async () => {
  near = await mkdtemp(join(tmpdir(), "relay-"));
  far = await mkdtemp(join(tmpdir(), "relay-"));
  workers = [];
  others = [];
  forged = false;
  addresses = new Map();
  asked = [];
});

afterEach(async () => {
  agent.destroy();
  for (const { relay } of workers) relay.close();
  for (const server of [...workers.map((worker) => worker.server), ...others]) {
    server.close();
    server.closeAllConnections();
  }
  await rm(near, { recursive: true });
  await rm(far, { recursive: true });
});

const seal = new InstanceSeal(() => "the key of these workers", systemClock);

const directory: WorkerDirectory = {
  announce() {},
  async find(worker) {
    asked.push(worker);
    const address = addresses.get(worker);
    return address && (forged ? address : seal.sealAddress(worker, address));
  },
  async close() {},
};

/** Says its slot, the path and the body that it got. */
async function echo(slot: number, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of incoming) body += String(chunk);
  response.end(`${slot} ${incoming.url} ${body}`);
}

async function start(
  slot: number,
  options: Partial<RelayOptions> & { answer?: Answer } = {},
): Promise<TestWorker> {
  const owner = { slot, generation: slot };
  const routed: string[] = [];
  const answered: IncomingMessage[] = [];
  const { answer = (incoming, response) => void echo(slot, incoming, response), ...rest } = options;
  const relay = new Relay(
    {
      directory: near,
      owner,
      maxBodyBytes: 100_000,
      unfinished: new UnfinishedMessages({ timeoutMs: 10_000, maxBytes: 50_000_000 }, new FakeClock()),
      answerTimeoutMs: 10_000,
      mayConnect: () => true,
      others: new OtherInstances(directory, "127.0.0.1:1", systemClock, seal),
      clock: systemClock,
      routed: (way) => routed.push(way),
      ...rest,
    },
    new Exchanges(new FakeClock(), 10_000, () => {}),
    (incoming, response) => {
      answered.push(incoming);
      answer(incoming, response, incoming.socket.remoteAddress === undefined);
    },
  );
  const server = createServer((incoming, response) => relay.handle(incoming, response));
  await relay.listen();
  const port = await listening(server, { port: 0, host: "127.0.0.1" });
  const worker = { owner, relay, server, port, routed, answered };
  workers.push(worker);
  return worker;
}

async function listening(
  server: Server,
  where: { port: number; host: string } | { path: string },
): Promise<number> {
  server.listen(where);
  await once(server, "listening");
  others.push(server);
  const address = server.address();
  return typeof address === "string" ? 0 : (address as AddressInfo).port;
}

/** A server in the place of a worker of this instance. */
function impostor(owner: Owner, answer: (incoming: IncomingMessage, response: ServerResponse) => void) {
  return listening(createServer(answer), { path: join(near, ownerPrefix(owner)) });
}

/** A server in the place of another instance, that of `GONE`. */
async function instance(
  answer: (incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer((incoming, response) => {
    const { method = "", url = "" } = incoming;
    const proof = seal.answerTo(String(incoming.headers[FORWARDED]), method, url);
    if (proof !== undefined) response.setHeader(ANSWERED, proof);
    answer(incoming, response);
  });
  const port = await listening(server, { port: 0, host: "127.0.0.1" });
  addresses.set(ownerPrefix(GONE), `127.0.0.1:${port}`);
  return server;
}

function sid(owner: Owner): string {
  return `${ownerPrefix(owner)}0123456789abcdef`;
}

const GONE = { slot: 9, generation: 9 };

interface Asked {
  readonly body?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request; all of a test go over one connection. */
async function ask(port: number, path: string, { body = "", method, headers = {} }: Asked = {}) {
  const outgoing = request({ port, path, method: method ?? (body === "" ? "GET" : "POST"), agent, headers });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, text, reused: outgoing.reusedSocket };
}

/** Resolves with the next request that a server holds without an answer. */
function holding(): {
  answer: Answer;
  held: Promise<{ incoming: IncomingMessage; response: ServerResponse }>;
} {
  let hold: (held: { incoming: IncomingMessage; response: ServerResponse }) => void = () => {};
  const held = new Promise<{ incoming: IncomingMessage; response: ServerResponse }>((resolve) => {
    hold = resolve;
  });
  return { held, answer: (incoming, response) => hold({ incoming, response }) };
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
    expect(await ask(a.port, path, { body: "the body" })).toMatchObject({
      text: `2 ${path} the body`,
      reused: true,
    });
    expect(await ask(a.port, "/x")).toMatchObject({ text: "0 /x ", reused: true });
    expect(a.routed).toEqual(["relayed", "relayed"]);
    expect(asked).toEqual([]);
  });

  it("go with their bodies, in chunks too", async () => {
    const [a, b] = [await start(0), await start(1)];
    const path = `/poll?sid=${sid(b.owner)}`;
    const body = "äöü".repeat(10_000);
    const headers = { "transfer-encoding": "chunked" };
    expect((await ask(a.port, path, { body, headers })).text).toBe(`1 ${path} ${body}`);
    expect((await ask(a.port, path, { method: "POST", headers })).text).toMatch(/^[01] /);
  });

  it("reach their owner again after the temporary folder was swept", async () => {
    const clock = new FakeClock();
    const [a, b] = [await start(0), await start(1, { clock })];
    const path = `/x?sid=${sid(b.owner)}`;
    await rm(near, { recursive: true });
    expect((await ask(a.port, path)).text).toMatch(/^0 /);
    clock.advance(5_000);
    while (!(await ask(a.port, path)).text.startsWith("1 "));
    expect((await stat(near)).mode & 0o777).toBe(0o700);
    expect(a.routed.at(-1)).toBe("relayed");
  });

  it("reach an owner later whose socket the temporary folder had no room for when it started", async () => {
    const clock = new FakeClock();
    await rm(near, { recursive: true });
    const [a, b] = [await start(0), await start(1, { clock })];
    const path = `/x?sid=${sid(b.owner)}`;
    expect((await ask(a.port, path)).text).toMatch(/^0 /);
    clock.advance(5_000);
    while (!(await ask(a.port, path)).text.startsWith("1 "));
    expect(a.routed.at(-1)).toBe("relayed");
  });

  it("do not go through a folder that another user may have made in the place of a swept one", async () => {
    const clock = new FakeClock();
    const [a, b] = [await start(0, { clock }), await start(1, { clock })];
    const path = `/x?sid=${sid(b.owner)}`;
    await rm(near, { recursive: true });
    await mkdir(near);
    await chmod(near, 0o777);
    let heard = 0;
    await impostor(b.owner, (_, response) => response.end(`impostor ${++heard}`));
    clock.advance(5_000);
    while (!(await ask(a.port, path)).text.startsWith("0 "));
    const before = heard;
    expect((await ask(a.port, path)).text).toMatch(/^0 /);
    expect(heard).toBe(before);
    expect(await readdir(near)).toEqual([ownerPrefix(b.owner)]);
  });

  it.each(["the body", ""])("are answered here when the owner is gone, with the body %j", async (body) => {
    const [a, b] = [await start(0), await start(1)];
    b.relay.close();
    const path = `/send?sid=${sid(b.owner)}`;
    expect(await ask(a.port, path, { body, method: "POST" })).toMatchObject({ text: `0 ${path} ${body}` });
    expect(a.routed).toEqual(["here"]);
  });

  it("are answered here when their body is longer than any may be", async () => {
    const [a, b] = [await start(0, { maxBodyBytes: 1_000 }), await start(1)];
    const path = `/poll?sid=${sid(b.owner)}`;
    const body = "x".repeat(300_000);
    expect((await ask(a.port, path, { body })).text).toBe(`0 ${path} ${body}`);
  });

  it("leave their connection in step when their long body is not read", async () => {
    const a = await start(0, {
      maxBodyBytes: 1_000,
      answer: (_incoming, response) => response.end("unread"),
    });
    const socket = connect(a.port, "127.0.0.1");
    const head = `POST /poll?sid=${sid(GONE)} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n`;
    socket.write(head);
    for (let i = 0; i < 50; i++) socket.write(Buffer.alloc(100_000));
    socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    let answers = "";
    while (a.answered.length < 2 || answers.match(/unread/g)?.length !== 2)
      answers += String((await once(socket, "data"))[0]);
    socket.destroy();
  });

  it("are ended when their body does not come", async () => {
    const clock = new FakeClock();
    const unfinished = new UnfinishedMessages({ timeoutMs: 7_000, maxBytes: 1_000_000 }, clock);
    const a = await start(0, { unfinished });
    const socket = connect(a.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`POST /poll?sid=${sid(GONE)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfour`);
    await once(a.server, "request");
    clock.advance(9_000);
    let answer = "";
    socket.on("data", (bytes) => {
      answer += String(bytes);
    });
    await once(socket, "close");
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(unfinished.bytes).toBe(0);
    expect(a.answered).toEqual([]);
  });

  it("are answered here when another parameter's value or a fragment looks like a session", async () => {
    const [a, b] = [await start(0), await start(1)];
    for (const path of [`/x?next=/y?sid=${sid(b.owner)}`, `/x#?sid=${sid(b.owner)}`]) {
      expect((await ask(a.port, path)).text).toMatch(/^0 /);
    }
  });

  it("are answered here for a former life of the owner's slot", async () => {
    const [a] = [await start(0), await start(1)];
    const former = `/x?sid=${sid({ slot: 1, generation: 2 })}`;
    expect(await ask(a.port, former)).toMatchObject({ text: `0 ${former} ` });
  });

  it("are answered here when they ask for an event stream, or whether they may ask", async () => {
    const [a, b] = [await start(0), await start(1)];
    expect((await ask(a.port, `/sse?sid=${sid(b.owner)}`)).text).toMatch(/^0 /);
    expect((await ask(a.port, `/sse?sid=${sid(b.owner)}`, { body: "{}" })).text).toMatch(/^0 /);
    expect((await ask(a.port, `/poll?sid=${sid(b.owner)}`, { method: "OPTIONS" })).text).toMatch(/^0 /);
    expect(a.routed).toEqual([]);
  });

  it("are not relayed twice", async () => {
    const [a, b] = [await start(0), await start(1)];
    // What comes over b's own Unix socket is answered by b, whatever it names.
    const path = `/x?sid=${sid(a.owner)}`;
    const outgoing = request({ socketPath: join(near, ownerPrefix(b.owner)), path });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    expect(text).toBe(`1 ${path} `);
  });
});

describe("an answer", () => {
  it("may take as long as it likes once it has begun", async () => {
    const hold = holding();
    const [a, b] = [await start(0, { answerTimeoutMs: 50 }), await start(1, hold)];
    const answer = ask(a.port, `/x?sid=${sid(b.owner)}`);
    const { response } = await hold.held;
    response.write("begun, ");
    await new Promise((resolve) => setTimeout(resolve, 200));
    response.end("ended");
    expect((await answer).text).toBe("begun, ended");
  });

  it("is not read faster than the client reads it", async () => {
    const hold = holding();
    const [a, b] = [await start(0), await start(1, hold)];
    const socket = connect(a.port, "127.0.0.1");
    socket.write(`GET /x?sid=${sid(b.owner)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const { response } = await hold.held;
    const chunk = Buffer.alloc(1024 * 1024);
    let written = 0;
    while (response.write(chunk) && written < 200) written++;
    while (written < 200) {
      const drained = await Promise.race([
        once(response, "drain").then(() => true),
        new Promise((resolve) => setTimeout(resolve, 300)),
      ]);
      if (drained === undefined) break;
      response.write(chunk);
      written++;
    }
    expect(written).toBeLessThan(100);
    socket.destroy();
  });

  it("is no longer held by the owner when the client is gone", async () => {
    const hold = holding();
    const [a, b] = [await start(0), await start(1, hold)];
    const socket = connect(a.port, "127.0.0.1");
    socket.write(`POST /poll?sid=${sid(b.owner)} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`);
    const { response } = await hold.held;
    socket.destroy();
    await once(response, "close");
    expect(response.writableFinished).toBe(false);
    expect(a.routed).toEqual([]);
    expect(a.answered).toEqual([]);
  });

  it("that breaks off ends the connection, so that no client takes it for whole", async () => {
    const hold = holding();
    const [a, b] = [await start(0), await start(1, hold)];
    const answer = ask(a.port, `/x?sid=${sid(b.owner)}`);
    const { response } = await hold.held;
    response.write("begun");
    await new Promise((resolve) => setTimeout(resolve, 50));
    response.destroy();
    await expect(answer).rejects.toThrow(/aborted|hang up/);
  });

  it("comes although the owner did not read a large body", async () => {
    const a = await start(0, { maxBodyBytes: 20_000_000 });
    await impostor(GONE, (_incoming, response) => response.end("hasty"));
    const socket = connect(a.port, "127.0.0.1");
    try {
      let answers = "";
      socket.write(`POST /x?sid=${sid(GONE)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`);
      socket.write(Buffer.alloc(10_000_000));
      while (!answers.includes("hasty")) answers += String((await once(socket, "data"))[0]);
      socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
      while (!answers.includes("0 /next")) answers += String((await once(socket, "data"))[0]);
      expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    } finally {
      socket.destroy();
    }
  });
});

describe("an owner that fails", () => {
  const path = `/poll?sid=${sid(GONE)}`;

  it("while it holds a poll leaves the poll to us, body and all", async () => {
    const a = await start(0);
    await impostor(GONE, async (incoming) => {
      for await (const _ of incoming);
      incoming.socket.destroy();
    });
    expect(await ask(a.port, path, { body: "the body" })).toMatchObject({
      status: 200,
      text: `0 ${path} the body`,
    });
    expect(a.routed).toEqual(["here"]);
  });

  it("over commands that it may have carried out has the client decide", async () => {
    const a = await start(0);
    await impostor(GONE, (incoming) => incoming.socket.destroy());
    const answer = await ask(a.port, `/send?sid=${sid(GONE)}`, {
      body: "{}",
      headers: { origin: "http://x" },
    });
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(JSON.parse(answer.text)).toMatchObject({ error: { name: "unavailable" } });
    expect(a.routed).toEqual(["failed"]);
    expect(a.answered).toEqual([]);
  });

  it("by saying nothing is waited for no longer than an answer may take", async () => {
    const a = await start(0, { answerTimeoutMs: 50 });
    await impostor(GONE, () => {});
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: `0 ${path} {}` });
  });

  it("by falling silent after a sign of life is found out soon, and its kept connections end", async () => {
    const a = await start(0, { answerTimeoutMs: 60_000, signTimeoutMs: 60 });
    const together: ServerResponse[] = [];
    let isCut = false;
    const owner = await instance((_incoming, response) => {
      if (isCut) return response.writeProcessing();
      together.push(response);
      if (together.length === 3) for (const each of together) each.end("there");
    });
    const left = (): Promise<number> =>
      new Promise((resolve) => owner.getConnections((_, count) => resolve(count)));
    const url = `http://127.0.0.1:${a.port}${path}`;
    const send = async (): Promise<string> => (await fetch(url, { method: "POST", body: "{}" })).text();
    expect(await Promise.all([send(), send(), send()])).toEqual(["there", "there", "there"]);
    expect(await left()).toBe(3);
    isCut = true;
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: `0 ${path} {}` });
    // Known as nowhere: the next does not even try.
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: `0 ${path} {}` });
    while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("by saying that it holds the request is waited for, however long", async () => {
    const a = await start(0, { answerTimeoutMs: 60_000, signTimeoutMs: 300 });
    await instance((_incoming, response) => {
      let signs = 0;
      const timer = setInterval(() => {
        if (++signs < 12) return response.writeProcessing();
        clearInterval(timer);
        response.end("held");
      }, 60);
    });
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: "held" });
    expect(a.routed).toEqual(["forwarded"]);
  });

  it("by saying nothing at all from another instance is found out as soon", async () => {
    const a = await start(0, { answerTimeoutMs: 60_000, signTimeoutMs: 60 });
    await instance(() => {});
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: `0 ${path} {}` });
  });

  it("by saying that it holds the request is waited for no longer than an answer may take", async () => {
    const a = await start(0, { answerTimeoutMs: 200, signTimeoutMs: 5_000 });
    let timer: NodeJS.Timeout | undefined;
    await instance((_incoming, response) => {
      timer = setInterval(() => response.writeProcessing(), 20);
    });
    expect(await ask(a.port, path, { body: "{}" })).toMatchObject({ text: `0 ${path} {}` });
    clearInterval(timer);
  });

  it("is passed on to another instance alone, not to a client that calls itself one", async () => {
    const a = await start(0);
    const owner: Owner = { slot: 1, generation: 9 };
    await impostor(owner, (_incoming, response) => {
      response.writeProcessing();
      setTimeout(() => response.end("held"), 20);
    });
    const path = `/poll?sid=${sid(owner)}`;
    const interim = async (header: string): Promise<number> => {
      let count = 0;
      const headers = { [FORWARDED]: header };
      const asked = request({ port: a.port, host: "127.0.0.1", path, method: "POST", headers });
      asked.on("information", () => count++).end("{}");
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      answer.resume();
      return count;
    };
    expect(await interim(`${Date.now()}.bm9uY2U.bWFj`)).toBe(0);
    expect(await interim(seal.forward("POST", path)?.header ?? "")).toBe(1);
  });

  it("is told across a sibling that another instance waits, as it signs for it only then", async () => {
    const [a, b] = [await start(0), await start(1)];
    const url = `/poll?sid=${sid(b.owner)}`;
    await ask(a.port, url, { body: "{}", headers: { [FORWARDED]: "1.n.m" } });
    await ask(a.port, url, { body: "{}" });
    expect(b.answered.map(({ headers }) => headers[FORWARDED])).toEqual(["1.n.m", undefined]);
  });

  it.each([421, 503])("by refusing with %i leaves the request to us", async (status) => {
    const a = await start(0);
    await impostor(GONE, (_incoming, response) => response.writeHead(status).end("no"));
    const send = `/send?sid=${sid(GONE)}`;
    expect(await ask(a.port, send, { body: "{}" })).toMatchObject({ status: 200, text: `0 ${send} {}` });
  });
});

describe("too many under way", () => {
  it("knocking at the owner's door in one moment wait for each other", async () => {
    const a = await start(0);
    // No request is let in before the door's queue is full.
    const owner = createServer((_incoming, response) => response.end("let in"));
    owner.listen({ path: join(near, ownerPrefix(GONE)), backlog: 1 });
    await once(owner, "listening");
    others.push(owner);
    const path = `/poll?sid=${sid(GONE)}`;
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        fetch(`http://127.0.0.1:${a.port}${path}`).then((each) => each.text()),
      ),
    );
    expect(new Set(answers)).toEqual(new Set(["let in"]));
    expect(new Set(a.routed)).toEqual(new Set(["relayed"]));
  });

  it("are answered here", async () => {
    const hold = holding();
    let room = true;
    const [a, b] = [await start(0, { mayConnect: () => room }), await start(1, hold)];
    const path = `/poll?sid=${sid(b.owner)}`;
    const first = request({ port: a.port, path });
    first.on("error", () => {});
    first.end();
    await hold.held;
    expect(a.relay.sockets).toBe(1);
    expect(b.relay.sockets).toBe(1);
    room = false;
    expect((await ask(a.port, path)).text).toBe(`0 ${path} `);
    expect(a.routed).toEqual(["full"]);
    first.destroy();
  });

  it("get 503 when this worker ends", async () => {
    const hold = holding();
    const [a, b] = [await start(0), await start(1, hold)];
    const answer = ask(a.port, `/poll?sid=${sid(b.owner)}`, { body: "{}" });
    await hold.held;
    a.relay.close();
    expect(await answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  });
});

describe("a session of another instance", () => {
  const elsewhere = (worker: TestWorker): Owner => {
    addresses.set(ownerPrefix(worker.owner), `127.0.0.1:${worker.port}`);
    return worker.owner;
  };

  it("is answered there, asked for once, over connections that are kept for its owner", async () => {
    const [a, b, c] = [
      await start(0),
      await start(1, { directory: far }),
      await start(2, { directory: far }),
    ];
    const sockets = new Set<Socket>();
    b.server.on("connection", (socket) => sockets.add(socket));
    for (const worker of [b, c]) {
      const path = `/poll?sid=${sid(elsewhere(worker))}`;
      for (const body of ["one", "two"]) {
        expect((await ask(a.port, path, { body })).text).toBe(`${worker.owner.slot} ${path} ${body}`);
      }
    }
    expect(asked).toEqual([ownerPrefix(b.owner), ownerPrefix(c.owner)]);
    expect(sockets.size).toBe(1);
    expect(a.routed).toEqual(["forwarded", "forwarded", "forwarded", "forwarded"]);
    expect(b.answered[0]?.headers).toMatchObject({ "holdfast-forwarded": expect.stringContaining(".") });
  });

  it("is relayed to its owner there", async () => {
    const [a, b] = [await start(0), await start(1, { directory: far })];
    const c = await start(2, { directory: far });
    // The directory knows the instance; any worker of it may get the connection.
    addresses.set(ownerPrefix(c.owner), `127.0.0.1:${b.port}`);
    const path = `/poll?sid=${sid(c.owner)}`;
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`2 ${path} {}`);
    expect([a.routed, b.routed]).toEqual([["forwarded"], ["relayed"]]);
  });

  it("is answered here when no instance knows of it, and none is asked again for a while", async () => {
    const a = await start(0);
    const path = `/poll?sid=${sid(GONE)}`;
    for (let i = 0; i < 3; i++) expect((await ask(a.port, path)).text).toBe(`0 ${path} `);
    expect(asked).toHaveLength(1);
    expect(a.routed).toEqual(["here", "here", "here"]);
  });

  it("is never forwarded twice: an instance that does not have it sends it back, and it is answered here", async () => {
    const [a, b] = [await start(0), await start(1, { directory: far })];
    addresses.set(ownerPrefix(GONE), `127.0.0.1:${b.port}`);
    const path = `/send?sid=${sid(GONE)}`;
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`0 ${path} {}`);
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`0 ${path} {}`);
    expect([a.routed, b.routed]).toEqual([["here", "here"], ["misdirected"]]);
    expect(b.answered).toEqual([]);
    const marked = await ask(b.port, path, { body: "{}", headers: { "holdfast-forwarded": "1" } });
    expect(marked.status).toBe(421);
  });

  it("with a client's cookies never goes to an address that no instance has written", async () => {
    const a = await start(0);
    const seen: IncomingMessage[] = [];
    const thief = createServer((incoming, response) => {
      seen.push(incoming);
      response.end("from the thief");
    });
    addresses.set(ownerPrefix(GONE), `127.0.0.1:${await listening(thief, { port: 0, host: "127.0.0.1" })}`);
    forged = true;
    const path = `/poll?sid=${sid(GONE)}`;
    expect((await ask(a.port, path, { body: "{}", headers: { cookie: "id=7" } })).text).toBe(`0 ${path} {}`);
    expect(seen).toEqual([]);
  });

  it("is answered here where what answers at the address has no seal, and its answer is dropped", async () => {
    const a = await start(0);
    const stranger = createServer((_incoming, response) =>
      response.setHeader("holdfast-answered", "x".repeat(43)).end("from a stranger"),
    );
    addresses.set(
      ownerPrefix(GONE),
      `127.0.0.1:${await listening(stranger, { port: 0, host: "127.0.0.1" })}`,
    );
    const path = `/send?sid=${sid(GONE)}`;
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`0 ${path} {}`);
    expect(a.routed).toEqual(["here"]);
  });

  it("is answered here when its instance cannot be reached, or fails", async () => {
    const a = await start(0);
    const dying = createServer((incoming) => incoming.socket.destroy());
    const port = await listening(dying, { port: 0, host: "127.0.0.1" });
    addresses.set(ownerPrefix(GONE), `127.0.0.1:${port}`);
    const path = `/poll?sid=${sid(GONE)}`;
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`0 ${path} {}`);
    expect((await ask(a.port, `/send?sid=${sid(GONE)}`, { body: "{}" })).status).toBe(503);
    dying.close();
    dying.closeAllConnections();
    await once(dying, "close");
    expect((await ask(a.port, path, { body: "{}" })).text).toBe(`0 ${path} {}`);
    expect(a.routed).toEqual(["here", "failed", "here"]);
  });

  it("is not looked for at our own address, nor at what is no address", async () => {
    const a = await start(0);
    for (const [slot, address] of ["127.0.0.1:1", "nonsense", "127.0.0.1:99999", "http://x:1"].entries()) {
      const owner = { slot: 20 + slot, generation: 1 };
      addresses.set(ownerPrefix(owner), address);
      expect((await ask(a.port, `/x?sid=${sid(owner)}`)).text).toMatch(/^0 /);
    }
  });
});
