import { once } from "node:events";
import { connect as connectPlain, createServer, type Server, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { TestCertificates } from "./testing/test-certificates.js";
import { type HandshakeEnd, TlsAcceptor } from "./tls-acceptor.js";
import type { TlsMaterial } from "./tls-material.js";

const certificates = new TestCertificates();
const app = certificates.make("DNS:app.example,DNS:*.apps.example");
const other = certificates.make("DNS:other.example");
afterAll(() => certificates.close());

let close: (() => void)[] = [];
afterEach(() => {
  for (const each of close) each();
  close = [];
});

class World {
  readonly ended: HandshakeEnd[] = [];
  readonly secured: TLSSocket[] = [];
  readonly acceptor: TlsAcceptor;
  readonly server: Server;

  constructor(material: TlsMaterial = certificates.material(app, other), timeoutMs = 5_000) {
    this.acceptor = new TlsAcceptor(material, timeoutMs, {
      ended: (how) => this.ended.push(how),
      secured: (socket) => {
        this.secured.push(socket);
        // Echoes, so that a test sees bytes of the application.
        socket.pipe(socket);
      },
    });
    this.server = createServer((socket) => {
      socket.on("error", () => {});
      this.acceptor.accept(socket);
    });
    close.push(() => {
      for (const socket of this.secured) socket.destroy();
      this.server.close();
    });
  }

  async port(): Promise<number> {
    if (!this.server.listening) await once(this.server.listen(0, "127.0.0.1"), "listening");
    return (this.server.address() as { port: number }).port;
  }

  async connect(servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const port = await this.port();
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false, ...options });
    close.push(() => socket.destroy());
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    return socket;
  }
}

function nameOf(socket: TLSSocket): string {
  return socket.getPeerX509Certificate()?.subjectAltName ?? "";
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

/** No handshake is under way any more; a test that waits in vain is ended by jest. */
async function idle({ acceptor, ended }: World): Promise<void> {
  while (acceptor.handshaking > 0 || ended.length === 0) await new Promise((turn) => setImmediate(turn));
}

async function echo(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString();
}

describe("a handshake", () => {
  it.each([
    ["app.example", "app.example"],
    ["APP.example", "app.example"],
    ["any.apps.example", "apps.example"],
    ["other.example", "other.example"],
    ["stranger.example", "app.example"],
    ["a.b.apps.example", "app.example"],
  ])("of a client that asks for %s gets the certificate of %s", async (asked, gets) => {
    const world = new World();
    const socket = await world.connect(asked);
    expect(nameOf(socket)).toContain(gets);
    expect(await echo(socket, "hello")).toBe("hello");
    expect([world.ended, world.acceptor.handshaking]).toEqual([["done"], 0]);
  });

  it("agrees on HTTP/1.1 where the client offers it, and refuses those that speak other protocols", async () => {
    const world = new World();
    const socket = await world.connect("app.example", { ALPNProtocols: ["h2", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("http/1.1");
    await expect(world.connect("app.example", { ALPNProtocols: ["h2"] })).rejects.toThrow(/alert|ECONNRESET/);
  });

  it("of an old version is refused", async () => {
    const world = new World({ ...certificates.material(app), minVersion: "1.3" });
    await expect(world.connect("app.example", { maxVersion: "TLSv1.2" })).rejects.toThrow(/version/);
    const socket = await world.connect("app.example");
    expect([socket.getProtocol(), await echo(socket, "x")]).toEqual(["TLSv1.3", "x"]);
    expect(world.ended).toEqual(["failed", "done"]);
  });

  it("that ends early is counted, and its place is free", async () => {
    const world = new World();
    const socket = connectPlain(await world.port(), "127.0.0.1").on("error", () => {});
    socket.end("\x16\x03\x01\x00\x02\x01\x00");
    await closed(socket);
    await idle(world);
    expect(world.ended).toEqual(["failed"]);
  });

  it("has one deadline, whatever its client sends meanwhile", async () => {
    const world = new World(undefined, 300);
    const socket = connectPlain(await world.port(), "127.0.0.1").on("error", () => {});
    // A record of 16,000 bytes that comes byte by byte.
    socket.write(Buffer.of(0x16, 3, 1, 0x3e, 0x80, 1));
    const dribble = setInterval(() => socket.writable && socket.write(Buffer.alloc(1)), 20);
    await closed(socket);
    clearInterval(dribble);
    await idle(world);
    expect(world.ended).toEqual(["late"]);
  });
});

describe("a session", () => {
  async function resumes(first: World, second: World): Promise<boolean> {
    const socket = await first.connect("app.example");
    const [session] = (await once(socket, "session")) as [Buffer];
    return (await second.connect("app.example", { session })).isSessionReused();
  }

  it("is resumed by another process with the same keys of tickets, and by none with others", async () => {
    expect(await resumes(new World(), new World())).toBe(true);
    const foreign = { ...certificates.material(app), ticketKeys: Buffer.alloc(48, 9).toString("base64") };
    expect(await resumes(new World(), new World(foreign))).toBe(false);
  });
});

describe("a renewal", () => {
  it("is for handshakes from now on, and ends no connection", async () => {
    const world = new World(certificates.material(app));
    const before = await world.connect("app.example");
    const next = certificates.make("DNS:app.example,DNS:next.example");
    world.acceptor.renew(certificates.material(next));
    expect(nameOf(await world.connect("app.example"))).toContain("next.example");
    expect(nameOf(await world.connect("stranger.example"))).toContain("next.example");
    expect(await echo(before, "still here")).toBe("still here");
    world.acceptor.renew({ ...certificates.material(next), minVersion: "1.3" });
    await expect(world.connect("app.example", { maxVersion: "TLSv1.2" })).rejects.toThrow(/version/);
  });
});

it("ends a client that renegotiates", async () => {
  const world = new World();
  const socket = await world.connect("app.example", { maxVersion: "TLSv1.2" });
  socket.resume().renegotiate({ rejectUnauthorized: false }, () => {});
  await closed(socket);
  expect(world.secured[0]?.destroyed).toBe(true);
});
