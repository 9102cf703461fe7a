/**
 * TLS of the public port and of the admin port: what clients of all kinds meet, and what a renewal does.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectPlain, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { Browser } from "./browser.js";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { Program, REPOSITORY } from "./program.js";
import { rawRequest } from "./raw-request.js";
import { Resources } from "./resources.js";
import { type IssuedFiles, keyHash, TestAuthority } from "./test-authority.js";
import { testTool } from "./test-tool.js";

jest.setTimeout(120_000);

const NAMESPACES = JSON.stringify({ demo: { clientPublish: true, historySize: 10, historyTtl: "1m" } });
/** As in a head, and as long. */
const HEAD_TIMEOUT_MS = 2_000;

const shared = new Resources();
const own = new Resources();
let authority: TestAuthority;
let served: IssuedFiles;
let named: IssuedFiles;
let gateway: GatewayProcess;

function startWith(...args: readonly string[]): Promise<GatewayProcess> {
  return GatewayProcess.start({ args });
}

beforeAll(async () => {
  authority = shared.add(new TestAuthority());
  served = authority.issue();
  named = authority.issue({ names: ",DNS:named.example" });
  const config = authority.write(
    "holdfast.json",
    JSON.stringify({ tlsCert: [served.cert, named.cert], tlsKey: [served.key, named.key] }),
  );
  gateway = shared.add(
    await startWith("--config", config, "--namespaces", NAMESPACES, "--head-timeout", `${HEAD_TIMEOUT_MS}ms`),
  );
});
afterEach(() => own.close());
afterAll(() => shared.close());

/** A WebSocket that believes the authority, and what it hears. */
class Listening {
  readonly heard: string[] = [];
  readonly socket: WebSocket;
  end: string | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url, { ca: authority.text })
      .on("message", (data) => this.heard.push(String(data)))
      .on("error", (error) => {
        this.end = String(error);
      })
      .on("close", (code) => {
        this.end ??= String(code);
      });
  }

  close(): void {
    this.socket.terminate();
  }
}

/** A publication that all of these hear, each sooner or later. */
async function publishUntil(
  channel: string,
  data: unknown,
  heard: () => boolean,
  on: GatewayProcess = gateway,
): Promise<void> {
  await eventually(`${JSON.stringify(data)} is heard`, async () => {
    await on.publish(channel, data);
    return heard();
  });
}

function curl(...args: readonly string[]): Program {
  return own.add(Program.start(testTool("curl"), ["-sS", "--cacert", authority.file, ...args]));
}

/** What curl prints. */
async function curled(...args: readonly string[]): Promise<string> {
  const program = curl(...args);
  await within(program.ended, "the end of curl");
  return program.output;
}

async function secure(options: ConnectionOptions = {}, port = gateway.port): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, ca: authority.text, ...options });
  own.add({ close: () => socket.destroy() });
  await within(once(socket, "secureConnect"), "a handshake");
  return socket.on("error", () => {});
}

/** The number of the certificate that is served. */
async function servedNow(servername = "localhost"): Promise<string> {
  const socket = await secure({ servername, checkServerIdentity: () => undefined });
  const subject = socket.getPeerX509Certificate()?.subject ?? "";
  socket.destroy();
  return subject;
}

function numberOf(files: IssuedFiles): string {
  return `CN=certificate ${/(\d+)\.crt$/.exec(files.cert)?.[1]}`;
}

describe("clients over TLS", () => {
  test("find it named as such, with the engine ws", () => {
    expect(gateway.banner.urls[0]).toMatch(/^https:/);
    expect(gateway.banner.engine).toBe("ws");
    expect(gateway.banner.try[0]).toContain("--url wss://");
  });

  test("ws and curl with a stream and with a poll hear one publication", async () => {
    const socket = own.add(new Listening(gateway.ws("channels=demo:a&format=raw")));
    const stream = curl("-N", `${gateway.http}/sse?channels=demo:a&format=raw`);
    await publishUntil("demo:a", { n: 1 }, () => {
      return socket.heard.includes('{"n":1}') && stream.lines.includes('data: {"n":1}');
    });
    const poll = await curled("-d", '{"channels":["demo:a"]}', `${gateway.http}/poll`);
    expect(JSON.parse(poll)).toMatchObject({ sid: expect.any(String) });
    expect(await curled(`${gateway.http}/healthz`)).toBe("ok");
  });

  test("a stream on a connection that has carried another request goes on, too", async () => {
    const health = `${gateway.http}/healthz`;
    const stream = curl("-N", health, health, `${gateway.http}/sse?channels=demo:kept&format=raw`);
    await publishUntil("demo:kept", 7, () => stream.lines.includes("data: 7"));
    expect(stream.output).toMatch(/^okok/);
  });

  test("polls of one session over many connections reach it, in whichever worker it is", async () => {
    const first = JSON.parse(await curled("-d", '{"channels":["demo:poll"]}', `${gateway.http}/poll`));
    const { sid } = first as { sid: string };
    let { cursor } = first as { cursor: string };
    const heard: unknown[] = [];
    for (let n = 0; n < 8; n++) {
      await gateway.publish("demo:poll", n);
      const url = `${gateway.http}/poll?sid=${sid}`;
      const answer = JSON.parse(await curled("-d", JSON.stringify({ sid, cursor }), url)) as {
        readonly cursor: string;
        readonly frames: readonly { readonly publication?: { readonly data: unknown } }[];
      };
      cursor = answer.cursor;
      heard.push(...answer.frames.flatMap(({ publication }) => (publication ? [publication.data] : [])));
    }
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const { text } = await gateway.adminGet("/metrics");
    expect(metric(text, "holdfast_http_requests_routed_total", { way: "relayed" })).toBeGreaterThan(0);
  });

  test("wscat hears a channel, with the authority's certificate and not without", async () => {
    const wscat = join(REPOSITORY, "node_modules/.bin/wscat");
    const url = gateway.ws("channels=demo:wscat&format=raw");
    const trusting = own.add(Program.start(wscat, ["--ca", authority.file, "-c", url]));
    await publishUntil("demo:wscat", "hello", () => trusting.output.includes('"hello"'));
    const other = own.add(Program.start(wscat, ["-c", url]));
    await other.line(/certificate/);
  });

  test("the SDK connects in Node.js, by an event stream and by polls", async () => {
    const script = `
      import { Client } from "@holdfast/client";
      for (const transport of ["sse", "poll"]) {
        const client = new Client(process.env.URL, { transports: [transport] });
        client.subscribe("demo:sdk", ({ data }) => console.log(transport, JSON.stringify(data)));
        client.connect();
      }`;
    const sdk = own.add(
      Program.start(process.execPath, ["--input-type=module", "-e", script], {
        cwd: join(REPOSITORY, "packages/e2e"),
        env: { URL: gateway.ws(), NODE_EXTRA_CA_CERTS: authority.file },
      }),
    );
    await publishUntil("demo:sdk", { sdk: 1 }, () =>
      ["sse", "poll"].every((transport) => sdk.lines.includes(`${transport} {"sdk":1}`)),
    );
  });

  test("a browser opens the page, whose client hears by WebSocket", async () => {
    const browser = own.add(
      await Browser.start([`--ignore-certificate-errors-spki-list=${keyHash(served)}`]),
    );
    const page = await browser.open(`${gateway.http}/`);
    await eventually("it is connected", async () => (await page.textContent("#state")) === "connected");
    const heard = await page.evaluate(async (channel) => {
      const { Client } = (await import("/holdfast.js" as string)) as {
        Client: new (
          url: string,
          options?: object,
        ) => {
          subscribe(channel: string, hear: (publication: { data: unknown }) => void): unknown;
          connect(): unknown;
          publish(channel: string, data: unknown): Promise<unknown>;
        };
      };
      const by: Record<string, unknown> = {};
      for (const transport of ["websocket", "sse", "poll"]) {
        const client = new Client("/ws", { transports: [transport] });
        by[transport] = await new Promise((resolve) => {
          client.subscribe(channel, ({ data }) => data === transport && resolve(data));
          client.connect();
          // What comes before it is subscribed it does not hear.
          setInterval(() => void client.publish(channel, transport).catch(() => {}), 200);
        });
      }
      return by;
    }, "demo:browser");
    expect(heard).toEqual({ websocket: "websocket", sse: "sse", poll: "poll" });
    expect(browser.complaints).toEqual([]);
  });

  test("that ask for a name get its certificate", async () => {
    expect(await servedNow("named.example")).toBe(numberOf(named));
    expect(await servedNow("stranger.example")).toBe(numberOf(served));
  });

  test("behind a PROXY header are served, and counted by the address that it names", async () => {
    const files = ["--tls-cert", served.cert, "--tls-key", served.key];
    const limited = own.add(await startWith(...files, "--proxy-protocol", "--connections-per-address", "1"));
    const through = async (address: string): Promise<TLSSocket> => {
      const socket = connectPlain(limited.port, "127.0.0.1");
      own.add({ close: () => socket.destroy() });
      socket.write(`PROXY TCP4 ${address} 127.0.0.1 4711 443\r\n`);
      return secure({ socket, servername: "localhost" });
    };
    const one = await through("192.0.2.1");
    one.write("GET /sse?channels=demo:x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(String(((await once(one, "data")) as [Buffer])[0])).toContain("200 OK");
    await expect(through("192.0.2.1")).rejects.toThrow(/alert internal error/);
    await through("192.0.2.2");
  });
});

describe("what is no handshake", () => {
  test("a plain request gets 400 with a sentence, and is counted", async () => {
    const plain = gateway.http.replace("https", "http");
    const answer = await rawRequest(plain, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("This port speaks TLS");
    expect(await refusals("not_tls")).toBe(1);
  });

  test("half a ClientHello ends at the deadline of a head, with an alert", async () => {
    const before = await refusals("slow_head");
    const socket = connectPlain(gateway.port, "127.0.0.1");
    own.add({ close: () => socket.destroy() });
    socket.write(Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc));
    const chunks: Buffer[] = [];
    socket.on("data", (bytes) => chunks.push(bytes));
    await within(once(socket, "close"), "the end of half a ClientHello");
    expect([...Buffer.concat(chunks)]).toEqual([0x15, 3, 1, 0, 2, 2, 50]);
    expect(await refusals("slow_head")).toBe(before + 1);
  });

  test("a handshake that its client leaves half done ends, too", async () => {
    const late = await handshakes("late");
    const socket = connectPlain(gateway.port, "127.0.0.1");
    own.add({ close: () => socket.destroy() });
    socket.resume().write(await clientHello());
    await within(once(socket, "close"), "the end of half a handshake");
    expect(await handshakes("late")).toBe(late + 1);
  });

  test("a client that renegotiates is ended", async () => {
    const socket = await secure({ maxVersion: "TLSv1.2", servername: "localhost" });
    const ended = once(socket, "close");
    socket.resume().renegotiate({}, () => {});
    await within(ended, "the end of the connection");
  });

  test("a handshake on a plain port gets an end, and is counted", async () => {
    const plain = own.add(await startWith());
    await expect(secure({}, plain.port)).rejects.toThrow(/wrong version number/);
    expect(await refusals("tls", plain)).toBe(1);
  });
});

/** As a client sends it. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer();
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as { port: number };
  const client = connect({ port, host: "127.0.0.1" }).on("error", () => {});
  try {
    const [connection] = (await once(listener, "connection")) as [Socket];
    const [bytes] = (await once(connection, "data")) as [Buffer];
    return bytes;
  } finally {
    client.destroy();
    listener.close();
  }
}

async function refusals(reason: string, on: GatewayProcess = gateway): Promise<number> {
  return metric((await on.adminGet("/metrics")).text, "holdfast_sockets_refused_total", { reason });
}

async function handshakes(result: string): Promise<number> {
  return metric((await gateway.adminGet("/metrics")).text, "holdfast_tls_handshakes_total", { result });
}

describe("a renewal", () => {
  /** A gateway of its own, with a WebSocket, and a certificate to take the place of its first. */
  async function renewable(): Promise<{
    readonly own: GatewayProcess;
    readonly files: IssuedFiles;
    readonly next: IssuedFiles;
    readonly client: Listening;
    readonly pids: readonly number[];
  }> {
    const [files, next] = [authority.issue(), authority.issue()];
    const settings = { tlsCert: [files.cert], tlsKey: [files.key], drainWindow: "1s" };
    const config = authority.write("renewable.json", JSON.stringify(settings));
    const started = own.add(await startWith("--config", config));
    const client = own.add(new Listening(started.ws("channels=demo:stay&format=raw")));
    await publishUntil("demo:stay", 1, () => client.heard.includes("1"), started);
    return { own: started, files, next, client, pids: started.workerPids() };
  }

  async function staysUp({ own: on, client, pids }: Awaited<ReturnType<typeof renewable>>): Promise<void> {
    await publishUntil("demo:stay", "after", () => client.heard.includes('"after"'), on);
    expect([client.end, on.workerPids()]).toEqual([undefined, pids]);
  }

  async function nowServes(on: GatewayProcess, files: IssuedFiles): Promise<void> {
    await eventually("the new certificate is served", async () => {
      const socket = await secure({ servername: "localhost" }, on.port);
      const subject = socket.getPeerX509Certificate()?.subject;
      socket.destroy();
      return subject === numberOf(files);
    });
  }

  test("by SIGHUP is served at once, by every worker, and ends no connection", async () => {
    const world = await renewable();
    authority.replace(world.files, world.next);
    world.own.signal("SIGHUP");
    await world.own.logged(({ msg }) => msg.includes("certificates alone have changed"));
    await nowServes(world.own, world.next);
    await staysUp(world);
    // With nothing new a SIGHUP is for the workers, as ever.
    world.own.signal("SIGHUP");
    await eventually("the client is sent away", () => world.client.end !== undefined);
  });

  test("by files that change is found without a word", async () => {
    const world = await renewable();
    authority.replace(world.files, world.next);
    await nowServes(world.own, world.next);
    await staysUp(world);
    const { text } = await world.own.adminGet("/metrics");
    expect(metric(text, "holdfast_tls_renewals_total", { result: "loaded" })).toBe(1);
  });

  test("that is bad leaves the old one, and says so", async () => {
    const world = await renewable();
    writeFileSync(world.files.key, "no key");
    world.own.signal("SIGHUP");
    await world.own.logged(({ msg }) => msg.startsWith("the new certificate is not taken, and the old one"));
    await world.own.logged(({ msg }) => msg.includes("reload refused: tlsKey"));
    await nowServes(world.own, world.files);
    await staysUp(world);
    const { text } = await world.own.adminGet("/metrics");
    expect(metric(text, "holdfast_tls_renewals_total", { result: "refused" })).toBe(1);
  });

  test("that is due is a warning, in the log and at the admin port, and a metric", async () => {
    const { cert, key } = authority.issue({ days: 9 });
    const started = own.add(await startWith("--tls-cert", cert, "--tls-key", key));
    await started.logged(({ msg, level }) => level === 40 && msg.includes(`${cert} (tlsCert) expires on`));
    const { text } = await started.adminGet("/api/warnings");
    expect(text).toContain("expires on");
    const metrics = (await started.adminGet("/metrics")).text;
    const days = metric(metrics, "holdfast_tls_certificate_expires_seconds", { port: "public" }) / 86_400;
    expect(Math.round(days - Date.now() / 86_400_000)).toBe(9);
  });
});

describe("the admin port over TLS", () => {
  test("answers, tells plain clients so, takes commands, and is renewed", async () => {
    const [files, next] = [authority.issue(), authority.issue()];
    const args = ["--admin-tls-cert", files.cert, "--admin-tls-key", files.key];
    const started = own.add(await GatewayProcess.start({ args, until: "listening" }));
    expect([started.http.slice(0, 5), started.admin.slice(0, 6)]).toEqual(["http:", "https:"]);
    await eventually("it is ready", async () => {
      return (await curled("-o", "/dev/null", "-w", "%{http_code}", `${started.admin}/readyz`)) === "200";
    });
    const plain = await rawRequest(started.admin.replace("https", "http"), "GET /readyz HTTP/1.1\r\n\r\n");
    expect([plain.status, plain.body]).toEqual([400, expect.stringContaining("This port speaks TLS")]);
    const env = { NODE_EXTRA_CA_CERTS: authority.file };
    const status = own.add(Program.holdfast(["status", "--url", started.admin], { env }));
    expect((await status.ended).code).toBe(0);
    const port = Number(new URL(started.admin).port);
    const open = await secure({ servername: "localhost" }, port);
    authority.replace(files, next);
    await eventually("the new certificate is served", async () => {
      const socket = await secure({ servername: "localhost" }, port);
      const subject = socket.getPeerX509Certificate()?.subject;
      socket.destroy();
      return subject === numberOf(next);
    });
    open.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(String(((await once(open, "data")) as [Buffer])[0])).toContain("200 OK");
  });

  test("holds no connection that says nothing", async () => {
    const { cert, key } = authority.issue();
    const args = ["--admin-tls-cert", cert, "--admin-tls-key", key, "--admin-max-connections", "8"];
    const started = own.add(await GatewayProcess.start({ args, until: "listening" }));
    const port = Number(new URL(started.admin).port);
    const silent = Array.from({ length: 12 }, () => connectPlain(port, "127.0.0.1").on("error", () => {}));
    for (const socket of silent) own.add({ close: () => socket.destroy() });
    await eventually("four have made way", () => silent.filter(({ closed }) => closed).length >= 4);
    expect(await curled(`${started.admin}/livez`)).toContain("ok");
  });
});

describe("a start with wrong files", () => {
  test.each([
    ["a key without a certificate", () => ["--tls-key", served.key], /tlsKey is a key without a certificate/],
    [
      "a certificate without a key",
      () => ["--tls-cert", served.cert],
      /tlsCert is a certificate without its/,
    ],
    [
      "a missing file",
      () => ["--tls-cert", "/nowhere.crt", "--tls-key", served.key],
      /tlsCert \/nowhere.crt is not there/,
    ],
    [
      "the key of another",
      () => ["--admin-tls-cert", served.cert, "--admin-tls-key", named.key],
      /adminTlsKey \S+ does not belong to its certificate/,
    ],
    [
      "the engine lean",
      () => ["--tls-cert", served.cert, "--tls-key", served.key, "--engine", "lean"],
      /engine lean reads bare TCP handles/,
    ],
  ])("says what, where and what to do: %s", async (_what, args, problem) => {
    const program = own.add(Program.holdfast(["start", "--port", "0", "--admin-port", "0", ...args()]));
    expect((await program.ended).code).toBe(2);
    expect(program.stderr.join("\n")).toMatch(problem);
  });
});
