/**
 * Clients at a limit: each spends one of the resources in the table "What a peer can spend" of
 * docs/operations.md, as fast as it may and faster, until it is stopped, and comes back when it is sent away.
 *
 * What they send is made beforehand and written in small portions, so that this process has time for the
 * clients beside them.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants, deflateRawSync } from "node:zlib";
import type { GatewayProcess } from "./gateway-process.js";
import { frame, OPCODES, RawSocket } from "./raw-socket.js";
import { tokenOf } from "./tokens.js";

/** Spends until `stop` is aborted. */
export type Spender = (gateway: GatewayProcess, stop: AbortSignal) => Promise<void>;

/** 16 Mbit/s. */
const PORTION_MS = 5;
const PORTION_BYTES = 10_000;
/** Written and not yet taken by the other side: beyond it a client waits. */
const MAX_AHEAD_BYTES = 500_000;

/** Before a client that was sent away comes back. */
const PAUSE_MS = 200;

const NOTHING = Buffer.alloc(0);

/** By the first cell of their row. */
export const SPENDERS: Readonly<Record<string, Spender>> = Object.freeze({
  "control frames": overWebSocket(often(frame(OPCODES.ping, Buffer.from("hi")))),
  "empty frames": overWebSocket(often(fragment(0, "")), fragment(1, "")),
  fragments: overWebSocket(often(fragment(0, "abc")), fragment(1, "")),
  "unfinished messages": manyConnections(40, async (gateway) => {
    const raw = await RawSocket.open(gateway.ws(), { onMessage: () => {} });
    raw.socket.write(text("x".repeat(60_000)).subarray(0, 50_000));
    return raw.socket;
  }),
  commands: overWebSocket(often(text("{}"))),
  "large messages": overWebSocket(text(`{"id":9,"send":{"data":"${"x".repeat(60_000)}"}}`)),
  "compressed messages": overWebSocket(
    often(compressed(`{"id":9,"send":{"data":"${"x".repeat(60_000)}"}}`)),
    NOTHING,
    '{"id":1,"connect":{}}',
    ["Sec-WebSocket-Extensions: permessage-deflate"],
  ),
  "blank lines": overWebSocket(text(`{}${"\n".repeat(1_000)}`)),
  "commands behind a connect": overWebSocket(text(commandsBehindConnect()), NOTHING, ""),
  "channels of a connect": overWebSocket(text(connectWithChannels()), NOTHING, ""),
  subscriptions: overWebSocket(
    text(`{"id":8,"subscribe":{"channel":"open:x"}}\n{"id":9,"unsubscribe":{"channel":"open:x"}}`),
  ),
  "signature checks": overWebSocket(text(connectWithTokens()), NOTHING, ""),
  publications: overWebSocket(text(publication("x".repeat(30_000)))),
  "messages to backends": overWebSocket(text(`{"id":9,"send":{"data":"${"m".repeat(40_000)}"}}`)),
  "new channels": (gateway, stop) => {
    let next = 0;
    const fresh = (id: number) => ({
      channel: `open:${"c".repeat(200)}${next++}`,
      data: id,
      key: `${"k".repeat(100)}${id}`,
    });
    const once = () => text(lines((id) => ({ id, publish: fresh(id) })));
    return untilStopped(stop, async () => {
      const raw = await RawSocket.open(gateway.ws(), { onMessage: () => {} });
      raw.text('{"id":1,"connect":{}}');
      while (!stop.aborted && !raw.socket.destroyed) {
        raw.socket.write(once());
        await pause(500);
      }
      raw.socket.destroy();
    });
  },
  history: async (gateway, stop) => {
    for (let i = 0; i < 20; i++) await gateway.publish("open:kept", "y".repeat(20_000));
    const read = lines((id) => ({ id, history: { channel: "open:kept", limit: 1000 } }));
    await overWebSocket(text(read))(gateway, stop);
  },
  presence: overWebSocket(text(lines((id) => ({ id, presence: { channel: "here:all", limit: 1000 } })))),
  "unread answers": manyConnections(4, async (gateway) => {
    const raw = await RawSocket.open(gateway.ws("channels=open:loud"), { onMessage: () => {} });
    raw.socket.pause();
    await gateway.publish("open:loud", "z".repeat(100_000));
    return raw.socket;
  }),
  "webhook questions": overWebSocket(text(lines((id) => ({ id, subscribe: { channel: `asked:${id}` } })))),
  "requests at once": overHttp("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)),
  "input behind answers": endlessly(
    "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
  ),
  "input of streams": endlessly("GET /sse?channels=open:a HTTP/1.1\r\nHost: x\r\n\r\n"),
  "sessions by request": overHttp(post("/poll", '{"channels":["open:a","open:b","open:c"]}')),
  "ticket checks": overHttp(post("/ticket", "", `Authorization: Bearer ${tokenOf("eve")}\r\n`)),
  "slow bodies": manyConnections(40, (gateway) => said(gateway.http, post("/poll", "{}").slice(0, -1))),
  "slow heads": manyConnections(40, (gateway) =>
    said(gateway.http, "GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: "),
  ),
  "silent connections": manyConnections(40, (gateway) => said(gateway.http, "")),
  "log lines": overWebSocket(text("no frame of the protocol"), NOTHING, ""),
  "admin connections": manyConnections(300, (gateway) => said(gateway.admin, "GET /livez HTTP/1.1\r\nX: ")),
  "admin requests": manyConnections(4, (gateway) =>
    said(gateway.admin, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  ),
});

/** One client that sends `bytes` again and again; what comes once stands before. `headers`: more lines. */
function overWebSocket(
  bytes: Buffer,
  first: Buffer = NOTHING,
  hello = '{"id":1,"connect":{}}',
  headers: readonly string[] = [],
): Spender {
  return (gateway, stop) =>
    untilStopped(stop, async () => {
      const raw = await RawSocket.open(gateway.ws(), { onMessage: () => {}, headers });
      if (hello !== "") raw.text(hello);
      raw.socket.write(first);
      await pour(raw.socket, bytes, stop);
    });
}

function overHttp(request: string): Spender {
  return (gateway, stop) =>
    untilStopped(stop, async () => {
      const socket = await said(gateway.http, "");
      await pour(socket.resume(), Buffer.from(request), stop);
    });
}

/** Ten clients that send `head`, and chunks without end behind it. */
function endlessly(head: string): Spender {
  const chunk = Buffer.from(`2710\r\n${"x".repeat(10_000)}\r\n`);
  return async (gateway, stop) => {
    await Promise.all(
      Array.from({ length: 10 }, () =>
        untilStopped(stop, async () => {
          const socket = await said(gateway.http, head);
          await pour(socket, chunk, stop);
        }),
      ),
    );
  };
}

/** Holds so many connections, and opens another for each that ends. */
function manyConnections(count: number, open: (gateway: GatewayProcess) => Promise<Socket>): Spender {
  return async (gateway, stop) => {
    await Promise.all(
      Array.from({ length: count }, () =>
        untilStopped(stop, async () => {
          const socket = await open(gateway);
          if (!socket.destroyed) await Promise.race([once(socket, "close"), aborted(stop)]);
          socket.destroy();
        }),
      ),
    );
  };
}

/** Comes back at once when it was sent away, as an attacker would, and after a moment when it was refused. */
async function untilStopped(stop: AbortSignal, spend: () => Promise<void>): Promise<void> {
  while (!stop.aborted) {
    await spend().catch(() => {});
    await pause(PAUSE_MS);
  }
}

async function pour(socket: Socket, bytes: Buffer, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && !socket.destroyed && socket.writable) {
    for (let sent = 0; sent < PORTION_BYTES && socket.writableLength < MAX_AHEAD_BYTES; sent += bytes.length)
      socket.write(bytes);
    await pause(Math.max(PORTION_MS, (PORTION_MS * bytes.length) / PORTION_BYTES));
  }
  socket.destroy();
}

async function said(url: string, words: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(words);
  return socket.resume();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function aborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
}

function often(bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(PORTION_BYTES / bytes.length) }, () => bytes));
}

function text(message: string): Buffer {
  return frame(OPCODES.text, Buffer.from(message));
}

/** As a client that agreed on permessage-deflate says it: with the bit of RFC 7692 §6. */
function compressed(message: string): Buffer {
  const bytes = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return frame(OPCODES.text | 0x40, bytes);
}

/** A frame that is not its message's last. */
function fragment(opcode: number, payload: string): Buffer {
  return frame(opcode, Buffer.from(payload), { final: false });
}

function lines(command: (id: number) => object): string {
  return Array.from({ length: 60 }, (_, i) => JSON.stringify(command(i + 2))).join("\n");
}

function publication(data: string): string {
  return JSON.stringify({ id: 7, publish: { channel: "open:loud", data } });
}

/** A connect, and as many commands behind it as are held. */
function commandsBehindConnect(): string {
  const behind = Array.from({ length: 63 }, (_, n) => `{"id":${n + 2},"subscribe":{"channel":"open:${n}"}}`);
  return [`{"id":1,"connect":{}}`, ...behind].join("\n");
}

function connectWithChannels(): string {
  const channels = Array.from({ length: 5_000 }, (_, i) => [`c${i}`, null]);
  return JSON.stringify({ id: 1, connect: { token: tokenOf("eve"), subs: Object.fromEntries(channels) } });
}

function connectWithTokens(): string {
  const channels = Array.from({ length: 120 }, (_, i) => `asked:${i}`);
  const subs = Object.fromEntries(
    channels.map((channel) => [channel, { token: tokenOf("eve", { channel }) }]),
  );
  return JSON.stringify({ id: 1, connect: { token: tokenOf("eve"), subs } });
}

function post(path: string, body: string, headers = ""): string {
  const length = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}${length}\r\n${body}`;
}
