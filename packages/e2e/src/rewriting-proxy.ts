/**
 * A proxy that rewrites: takes headers out of requests and answers, changes the host, forwards what it should
 * not, refuses long heads, speaks TLS with a certificate of its own making.
 *
 * It can be changed at any time, and what it does holds for connections from then on. Invariant: no socket
 * and no file outlives `close()`.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Rewriting {
  /** Headers of requests that do not arrive, in lower case. */
  readonly without?: readonly string[];
  /** Lines that it adds to answers. */
  readonly adds?: Readonly<Record<string, string>>;
  /** Headers that upgrades come back without. */
  readonly loses?: RegExp;
  /** Where paths of the admin API go. */
  readonly adminPort?: number;
  /** What it does with X-Forwarded-For: appends its client's address. Default: passes on what came. */
  readonly namesClient?: boolean;
  /** The address that it connects from, as if it were another machine. Default: that of this one. */
  readonly from?: string;
  /** Characters of headers from which on it answers with 431. */
  readonly longestHead?: number;
}

export class RewritingProxy {
  rewriting: Rewriting = {};
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on("connection", (socket: Socket) => this.#keep(socket));
    server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.#pass(request, response),
    );
    server.on("upgrade", (request: IncomingMessage, socket: Socket) => this.#upgrade(request, socket));
  }

  /** `port`: of the gateway, on 127.0.0.1. `days`: for which its certificate is good; plain HTTP without. */
  static async start(port: number, days?: number): Promise<RewritingProxy> {
    const server =
      days === undefined ? createServer() : (createSecureServer(certificate(days)) as unknown as Server);
    const proxy = new RewritingProxy(server, port);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #headersOf({ headers, socket }: IncomingMessage): Record<string, string | string[] | undefined> {
    const { without, namesClient } = this.rewriting;
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !without?.includes(name)));
    if (namesClient !== true) return kept;
    const named = [kept["x-forwarded-for"], socket.remoteAddress].filter((each) => each !== undefined);
    return { ...kept, "x-forwarded-for": named.join(", ") };
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { adminPort, adds, longestHead = Number.POSITIVE_INFINITY } = this.rewriting;
    const { method, url = "", rawHeaders } = request;
    if (rawHeaders.join("").length > longestHead) return void response.writeHead(431).end();
    const isAdmin = adminPort !== undefined && /^\/(?:metrics|api|readyz)/.test(url);
    const headers = { ...this.#headersOf(request), ...(isAdmin ? { host: `127.0.0.1:${adminPort}` } : {}) };
    const port = isAdmin ? adminPort : this.#port;
    const onward = httpRequest({ host: "127.0.0.1", port, method, path: url, headers, agent: false });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.on("response", (answer) => {
      const { connection: _, "transfer-encoding": __, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, { ...rest, ...adds });
      response.flushHeaders();
      answer.pipe(response);
    });
    request.pipe(onward);
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    this.#keep(socket);
    const { from, loses } = this.rewriting;
    const onward = connect({
      ...{ host: "127.0.0.1", port: this.#port, noDelay: true },
      ...(from !== undefined && { localAddress: from }),
    });
    this.#keep(onward);
    onward.once("close", () => socket.destroy());
    socket.once("close", () => onward.destroy());
    const lines = Object.entries(this.#headersOf(request)).map(
      ([name, value]) => `${name}: ${String(value)}\r\n`,
    );
    onward.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    socket.pipe(onward);
    onward.once("data", (head: Buffer) => {
      const text = head.toString("latin1");
      const kept =
        loses === undefined
          ? text
          : text
              .split("\r\n")
              .filter((line) => !loses.test(line))
              .join("\r\n");
      socket.write(kept, "latin1");
      onward.pipe(socket);
    });
  }
}

/** A key and a self-signed certificate for 127.0.0.1. */
function certificate(days: number): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-certificate-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert];
    const of = ["-days", String(days), "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", [...made, ...of], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
