import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  decodeCommands,
  disconnectNotice,
  disconnects,
  encodeDisconnect,
  encodeDrain,
  encodeError,
  encodePublication,
  encodeReply,
  errors,
  PING,
} from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import { Client, type ClientState } from "./index.js";
import { WELCOME } from "./testing/fake-web-socket.js";

/** A server of the protocol in a few lines: echoes what is published in `demo:`, refuses the rest. */
class TinyServer {
  readonly #server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  readonly urls: string[] = [];

  constructor() {
    this.#server.on("connection", (socket, request) => {
      this.urls.push(request.url ?? "");
      socket.on("message", (data) => this.#answer(socket, data.toString()));
    });
  }

  async listening(): Promise<string> {
    if (this.#server.address() === null) await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }

  /** To every client. */
  send(text: string): void {
    for (const socket of this.#server.clients) socket.send(text);
  }

  closeAll(code: number): void {
    for (const socket of this.#server.clients) socket.close(code);
  }

  /** The next message of any client. */
  async heard(): Promise<string> {
    const sockets = [...this.#server.clients];
    const [data] = await Promise.race(sockets.map((socket) => once(socket, "message")));
    return String(data);
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(socket: WebSocket, text: string): void {
    for (const decoded of decodeCommands(text)) {
      if (decoded.kind !== "command") continue;
      const { command } = decoded;
      const { id } = command;
      if (command.op === "connect") {
        const subs = Object.fromEntries(Object.keys(command.body.subs ?? {}).map((channel) => [channel, {}]));
        socket.send(encodeReply(id, "connect", { ...WELCOME, subs }));
      } else if (command.op === "publish" && !command.body.channel.startsWith("demo:")) {
        socket.send(encodeError(id, errors.forbidden));
      } else if (command.op === "publish") {
        const { channel, data } = command.body;
        socket.send(`${encodePublication(channel, data)}\n${encodeReply(id, "publish", {})}`);
      } else socket.send(encodeReply(id, command.op, {}));
    }
  }
}

describe("a client over the sockets of ws", () => {
  let server: TinyServer;
  let client: Client;
  beforeEach(async () => {
    server = new TinyServer();
    // Short delays in place of a fake clock: real sockets take real time.
    const backoff = { minDelayMs: 1, maxDelayMs: 5 };
    client = new Client(await server.listening(), { WebSocket, backoff });
  });
  afterEach(async () => {
    client.close();
    await server.close();
  });

  const state = (name: ClientState["name"]): Promise<ClientState> =>
    new Promise((resolve) => {
      const off = client.on("state", (each) => {
        if (each.name !== name) return;
        off();
        resolve(each);
      });
    });

  it("subscribes, publishes, receives and is refused", async () => {
    const received = new Promise((resolve) => client.subscribe("demo:lobby", resolve));
    await client.connect();
    await client.publish("demo:lobby", { text: "hello" });
    expect(await received).toEqual({ channel: "demo:lobby", data: { text: "hello" } });
    await expect(client.publish("news", 1)).rejects.toMatchObject({ name: "forbidden", temporary: false });
  });

  it("answers a ping", async () => {
    await client.connect();
    const heard = server.heard();
    server.send(PING);
    expect(await heard).toBe(PING);
  });

  it("comes back after a drain, with its session id and its subscriptions", async () => {
    let confirmed = 0;
    client.subscribe("demo:lobby").on("subscribed", () => confirmed++);
    await client.connect();
    const back = state("connected");
    server.send(encodeDrain({ reconnectAfter: 1, deadline: 1_000, reason: "deploy" }));
    await back;
    expect(server.urls).toEqual(["/ws", `/ws?sid=${WELCOME.sid}`]);
    await client.publish("demo:lobby", 1);
    expect(confirmed).toBe(2);
  });

  it("stays away when it is told to", async () => {
    await client.connect();
    const closed = state("closed");
    server.send(encodeDisconnect(disconnectNotice(disconnects.revoked)));
    server.closeAll(disconnects.revoked.code);
    expect(await closed).toMatchObject({ code: 3504, reason: disconnects.revoked.message });
  });

  it("survives a close while the socket is still opening", async () => {
    const connecting = client.connect();
    client.on("state", () => {});
    await Promise.resolve();
    await Promise.resolve();
    client.close();
    await expect(connecting).rejects.toMatchObject({ name: "closed" });
  });

  it("tells why a server cannot be reached, and waits", async () => {
    const failed = new Promise((resolve) => client.on("error", resolve));
    const waiting = state("waiting");
    await server.close();
    client.connect();
    expect(await failed).toMatchObject({
      name: "transport",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await waiting).toMatchObject({ code: 1006 });
    client.close();
    server = new TinyServer();
  });
});
