/**
 * Conversations of a raw client with an engine: the client's bytes in, what it hears as words out.
 *
 * Core's side says each text back, and refuses as core does. Invariant: a conversation ends with the socket,
 * so nothing that was said is missed.
 */
import { connect } from "node:net";
import { codecs, systemClock, type Transport } from "@holdfast/core";
import type { DisconnectCode } from "@holdfast/protocol";
import type { EngineName } from "../../../runtime/engine-choice.js";
import type { DeflateTerms } from "../../http/deflate-offer.js";
import { UnfinishedMessages } from "../../sockets/unfinished-messages.js";
import { OPCODES } from "../../websocket/framing.js";
import { listen } from "../../websocket/testing/listen.js";
import type { SocketConnection } from "../../websocket/transport.js";
import { makeEngine } from "./engines.js";

const HEAD =
  "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

export interface Server {
  /** Sends the segments, each by itself, and returns what was heard until the end. */
  talk(segments: readonly Uint8Array[]): Promise<string[]>;
  close(): void;
}

/** `deflate`: what its clients have agreed on. */
export async function serve(name: EngineName, maxPayload: number, deflate?: DeflateTerms): Promise<Server> {
  const unfinished = new UnfinishedMessages({ timeoutMs: 60_000, maxBytes: 10_000_000 }, systemClock);
  const opener = { open: (transport: Transport) => echo(transport) };
  const engine = makeEngine(name, { opener, maxPayload, unfinished, clock: systemClock });
  const acceptance = {
    kind: "accept",
    codec: codecs.lines,
    subprotocol: undefined,
    deflate,
    channels: undefined,
    sid: undefined,
  } as const;
  const listener = await listen((handle, arrival) => engine.accept(handle, arrival, acceptance));
  return {
    talk: (segments) => talk(listener.port, segments),
    close() {
      engine.close();
      unfinished.close();
      listener.close();
    },
  };
}

function echo(transport: Transport): SocketConnection {
  const say = (text: string): void => transport.write(transport.framing.frame(text));
  return {
    receive: (text) => say(`heard ${text}`),
    alive() {},
    spend: () => true,
    refuse(row: DisconnectCode, sentence = "") {
      say(`refused: ${sentence}`);
      transport.close(row.code, row.name);
    },
    disconnect: (row) => transport.close(row.code, row.name),
    closed() {},
  };
}

async function talk(port: number, segments: readonly Uint8Array[]): Promise<string[]> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (bytes: Buffer) => chunks.push(bytes));
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  socket.write(HEAD);
  for (const segment of segments) {
    await new Promise((resolve) => socket.write(segment, resolve));
    if (segments.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  const all = Buffer.concat(chunks);
  return wordsOf(all.subarray(all.indexOf("\r\n\r\n") + 4));
}

/** A server's frames, which are whole and not masked, as words. */
export function wordsOf(bytes: Buffer): string[] {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const opcode = bytes.readUInt8(at) & 15;
    const short = bytes.readUInt8(at + 1);
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    const payload = bytes.subarray(start, start + length);
    at = start + length;
    if (opcode === OPCODES.text) words.push(payload.toString());
    else if (opcode === OPCODES.pong) words.push(`pong ${payload.toString("latin1")}`);
    else if (opcode !== OPCODES.close) words.push(`opcode ${opcode}`);
    else if (payload.length === 0) words.push("close");
    else words.push(`close ${payload.readUInt16BE()} ${payload.subarray(2).toString("latin1")}`.trimEnd());
  }
  return words;
}
