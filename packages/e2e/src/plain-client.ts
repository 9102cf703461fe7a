/**
 * A client without the SDK: the package `ws`, and a queue of what arrived.
 *
 * Listeners are added in the same tick in which the socket is made, so nothing is missed however early it
 * comes.
 */
import type { Socket } from "node:net";
import { type ClientOptions, WebSocket } from "ws";
import { within } from "./deadline.js";

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface PlainOptions extends ClientOptions {
  readonly protocols?: string[];
}

/**
 * A client that connects by command may get several frames in one message, one a line; one that connects by
 * URL never does.
 */
const byCommand = (url: string): boolean => !/[?&]channels=/.test(url);

/** A frame of the protocol, loosely. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
export type Frame = Record<string, any>;

/** The server answered the handshake with something else than 101. */
export class HandshakeRefused extends Error {
  override readonly name = "HandshakeRefused";
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;

  constructor(status: number, body: string, headers: NodeJS.Dict<string | string[]>) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export class PlainClient {
  /** Everything that arrived, taken or not. */
  readonly all: string[] = [];
  readonly closed: Promise<Closed>;
  readonly #socket: WebSocket;
  readonly #queue: string[] = [];
  readonly #waiting: ((message: string) => void)[] = [];
  #ending: Closed | undefined;
  #lastId = 0;

  private constructor(socket: WebSocket, lines: boolean) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const text = String(data);
      for (const message of lines ? text.split("\n") : [text]) this.#received(message);
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#ending = { code, reason: reason.toString() };
        resolve(this.#ending);
      });
    });
  }

  /** Bytes of the connection, the handshake's among them. */
  get bytesRead(): number {
    return (this.#socket as unknown as { readonly _socket: Socket })._socket.bytesRead;
  }

  /** Resolves once open; rejects with `HandshakeRefused`, or with the system's error. */
  static async connect(url: string, { protocols, ...options }: PlainOptions = {}): Promise<PlainClient> {
    const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    const client = new PlainClient(socket, byCommand(url));
    const opened = new Promise<void>((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
      socket.on("unexpected-response", (_request, response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("close", () =>
          reject(new HandshakeRefused(response.statusCode ?? 0, body, response.headers)),
        );
      });
    });
    await within(opened, `a WebSocket at ${url}`);
    return client;
  }

  /** Connects by URL and takes the welcome. */
  static async subscribed(url: string, options: PlainOptions = {}): Promise<PlainClient & { sid: string }> {
    const client = await PlainClient.connect(url, options);
    const { connect } = await client.next();
    return Object.assign(client, { sid: String(connect.sid) });
  }

  /** Connects as the SDK does: with the command. */
  static async connected(url: string, channels: readonly string[] = [], options: PlainOptions = {}) {
    const client = await PlainClient.connect(url, options);
    const subs = Object.fromEntries(channels.map((channel) => [channel, null]));
    const { connect } = await client.command("connect", { subs });
    return Object.assign(client, { sid: String(connect.sid) });
  }

  get subprotocol(): string {
    return this.#socket.protocol;
  }

  /** Undefined while it is open. */
  get ending(): Closed | undefined {
    return this.#ending;
  }

  /** The next message, as it came. */
  nextMessage(ms?: number): Promise<string> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return Promise.resolve(queued);
    const next = new Promise<string>((resolve, reject) => {
      this.#waiting.push(resolve);
      void this.closed.then(({ code, reason }) =>
        reject(new Error(`closed with ${code} ${reason} instead of a message`)),
      );
    });
    return within(next, () => `a message after ${this.all.slice(-3).join(" ")}`, ms);
  }

  /** The next message as JSON. */
  async next(ms?: number): Promise<Frame> {
    return JSON.parse(await this.nextMessage(ms)) as Frame;
  }

  /** Messages up to the first that contains `marker`, which is left out. */
  async until(marker: string, ms?: number): Promise<string[]> {
    const messages: string[] = [];
    for (;;) {
      const message = await this.nextMessage(ms);
      if (message.includes(marker)) return messages;
      messages.push(message);
    }
  }

  send(message: object | string | Buffer): void {
    const text = typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    this.#socket.send(text);
  }

  /** Sends a command and takes messages until its reply; pushes in between are dropped from the queue. */
  async command(op: string, body: object): Promise<Frame> {
    const id = ++this.#lastId;
    this.send({ id, [op]: body });
    for (;;) {
      const frame = await this.next();
      if (frame.id === id) return frame;
    }
  }

  ping(): void {
    this.#socket.ping();
  }

  /** Says goodbye and waits for the answer. Idempotent. */
  async close(): Promise<Closed> {
    this.#socket.close(1000);
    return within(this.closed, "the end of a closing handshake");
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #received(message: string): void {
    this.all.push(message);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#queue.push(message);
    else waiting(message);
  }
}
