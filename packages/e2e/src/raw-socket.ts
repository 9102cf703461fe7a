/**
 * A WebSocket on a bare TCP socket: cheap enough for thousands, and able to break every rule on purpose.
 *
 * Counts exactly: every text frame is kept in order of arrival. Answers pings unless told not to.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { within } from "./deadline.js";

export interface RawOptions {
  /** More header lines. */
  readonly headers?: readonly string[];
  /** Sent in the same segment, right behind the head. */
  readonly behindHead?: Buffer;
  /** Gets messages instead of `messages`. */
  readonly onMessage?: (text: string) => void;
  /** How long the handshake may take, ms. Default 60_000. */
  readonly handshakeMs?: number;
}

/** Another answer than 101. */
export class RawRefusal extends Error {
  override readonly name = "RawRefusal";
  readonly status: number;
  /** What `Retry-After` asks for, ms; 0 without one. */
  readonly retryAfterMs: number;

  constructor(answer: string) {
    super(`refused: ${answer}`);
    this.status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
    this.retryAfterMs = 1000 * Number(/\r\nRetry-After: (\d+)\r\n/i.exec(answer)?.[1] ?? 0);
  }
}

export const OPCODES = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 });

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const NOTHING = Buffer.alloc(0);

export class RawSocket {
  readonly messages: string[] = [];
  readonly socket: Socket;
  /** The end of the TCP connection, with what the close frame said, if there was one. */
  readonly closed: Promise<{ readonly code: number | undefined; readonly reason: string }>;
  answersPings = true;
  pingsReceived = 0;
  pongsReceived = 0;
  readonly #onMessage: (text: string) => void;
  #rest: Buffer = NOTHING;
  #head: { resolve(): void; reject(problem: Error): void } | undefined;
  #code: number | undefined;
  #reason = "";

  private constructor(socket: Socket, onMessage: ((text: string) => void) | undefined) {
    this.socket = socket;
    this.#onMessage = onMessage ?? ((text) => this.messages.push(text));
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.#head?.reject(error));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#head?.reject(new Error("closed before the answer to the handshake"));
        resolve({ code: this.#code, reason: this.#reason });
      });
    });
  }

  /**
   * Resolves after the 101. Rejects with `RawRefusal`, or for whatever else went wrong; nothing is left open
   * then.
   */
  static async open(url: string, options: RawOptions = {}): Promise<RawSocket> {
    const { hostname, port, host, pathname, search } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.setNoDelay(true);
    const raw = new RawSocket(socket, options.onMessage);
    const answered = new Promise<void>((resolve, reject) => {
      raw.#head = { resolve, reject };
    });
    const head = upgradeHead(`${pathname}${search}`, host, options.headers);
    socket.write(Buffer.concat([Buffer.from(head, "latin1"), options.behindHead ?? NOTHING]));
    try {
      await within(answered, `a raw WebSocket at ${url}`, options.handshakeMs ?? 60_000);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return raw;
  }

  text(text: string): void {
    this.socket.write(frame(OPCODES.text, Buffer.from(text)));
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#head !== undefined) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) {
        this.#rest = bytes;
        return;
      }
      const head = bytes.subarray(0, end).toString("latin1");
      if (head.startsWith("HTTP/1.1 101 ")) this.#head.resolve();
      else this.#head.reject(new RawRefusal(bytes.toString()));
      this.#head = undefined;
      bytes = bytes.subarray(end + 4);
    }
    for (;;) {
      const used = this.#readFrame(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    // A copy: a view would keep the whole chunk.
    this.#rest = bytes.length === 0 ? NOTHING : Buffer.from(bytes);
  }

  /** Returns how many bytes the frame took; 0 when it is not complete. */
  #readFrame(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const opcode = bytes.readUInt8(0) & 0x0f;
    let length = bytes.readUInt8(1) & 0x7f;
    let start = 2;
    if (length === 126) {
      if (bytes.length < 4) return 0;
      length = bytes.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return 0;
      length = Number(bytes.readBigUInt64BE(2));
      start = 10;
    }
    if (bytes.length < start + length) return 0;
    const payload = bytes.subarray(start, start + length);
    if (opcode === OPCODES.text) this.#onMessage(payload.toString());
    else if (opcode === OPCODES.ping) {
      this.pingsReceived++;
      if (this.answersPings) this.socket.write(frame(OPCODES.pong, payload));
    } else if (opcode === OPCODES.pong) this.pongsReceived++;
    else if (opcode === OPCODES.close) {
      this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#reason = payload.subarray(2).toString();
      this.socket.write(frame(OPCODES.close, payload));
    }
    return start + length;
  }
}

/** A client's frame. */
export function frame(opcode: number, payload: Buffer, { masked = true, final = true } = {}): Buffer {
  const { length } = payload;
  const extended = length <= 125 ? 0 : length <= 0xffff ? 2 : 8;
  const header = Buffer.alloc(2 + extended);
  header[0] = (final ? 0x80 : 0) | opcode;
  header[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.writeUInt16BE(length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([header, payload]);
  const mask = randomBytes(4);
  const body = Buffer.from(payload);
  for (const [i, byte] of body.entries()) body[i] = byte ^ mask.readUInt8(i % 4);
  return Buffer.concat([header, mask, body]);
}

/** A correct request for a WebSocket; lines in `headers` are added, or replace those of the same name. */
export function upgradeHead(target: string, host: string, headers: readonly string[] = []): string {
  const own = [
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${KEY}`,
  ];
  const nameOf = (line: string): string => line.slice(0, line.indexOf(":")).toLowerCase();
  const replaced = new Set(headers.map(nameOf));
  const lines = [...own.filter((line) => !replaced.has(nameOf(line))), ...headers];
  return `GET ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}
