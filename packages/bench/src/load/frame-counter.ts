/**
 * A fleet that counts bytes and reads no message: for servers that compress, whose figures are bytes.
 *
 * `frame-counter.js <port> <target> <hello>`; commands `connect <total> <per second>`, `reset` and `report`,
 * each answered with a line of JSON. Answers pings; offers permessage-deflate as browsers do.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { handshakeRequest, handshakeStatus } from "./handshake.js";
import { maskedFrame, readFrame } from "./websocket-frames.js";

const [port = "0", target = "/", hello = "-"] = process.argv.slice(2);
const SOURCES = 8;
const CONNECT_TIMEOUT_MS = 60_000;
const NOTHING = Buffer.alloc(0);

/** A connection, and what it has received since the reset. */
class Counted {
  bytes = 0;
  frames = 0;
  isOpen = false;
  readonly socket: Socket;
  #rest: Buffer = NOTHING;

  constructor(index: number) {
    this.socket = connect({
      port: Number(port),
      host: "127.0.0.1",
      localAddress: `127.0.0.${2 + (index % SOURCES)}`,
    });
    this.socket
      .on("connect", () => this.socket.write(handshakeRequest(target, Number(port))))
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("error", () => {})
      .on("close", () => {
        this.isOpen = false;
      });
  }

  #read(chunk: Buffer): void {
    this.bytes += chunk.length;
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.isOpen) {
      const status = handshakeStatus(rest.toString("latin1"));
      if (status !== undefined && status !== "101") return void this.socket.destroy();
      if (status === "101") this.isOpen = true;
      if (status === "101" && hello !== "-") this.socket.write(maskedFrame(1, hello));
      rest = status === undefined ? rest : rest.subarray(rest.indexOf("\r\n\r\n") + 4);
    }
    for (let frame = this.isOpen ? readFrame(rest) : undefined; frame; frame = readFrame(rest)) {
      rest = rest.subarray(frame.total);
      if (frame.opcode === 9) this.socket.write(maskedFrame(10, frame.payload));
      else if (String(frame.payload) === "{}") this.socket.write(maskedFrame(1, "{}"));
      else this.frames++;
    }
    this.#rest = rest;
  }
}

const all: Counted[] = [];

async function connectTo(total: number, perSecond: number): Promise<object> {
  const startMs = performance.now();
  while (performance.now() - startMs < CONNECT_TIMEOUT_MS + (total / perSecond) * 1000) {
    const due = ((performance.now() - startMs) / 1000) * perSecond + 1;
    while (all.length < Math.min(total, due)) all.push(new Counted(all.length));
    if (all.length === total && all.every(({ isOpen }) => isOpen)) break;
    await sleep(2);
  }
  return { open: all.filter(({ isOpen }) => isOpen).length };
}

function report(): object {
  let bytes = 0;
  let frames = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const each of all) {
    bytes += each.bytes;
    frames += each.frames;
    least = Math.min(least, each.frames);
  }
  return { open: all.filter(({ isOpen }) => isOpen).length, bytes, frames, least };
}

console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, total, perSecond] = line.split(" ");
  if (command === "connect") console.log(JSON.stringify(await connectTo(Number(total), Number(perSecond))));
  else if (command === "report") console.log(JSON.stringify(report()));
  else if (command === "reset") {
    for (const each of all) Object.assign(each, { bytes: 0, frames: 0 });
    console.log('{"reset":true}');
  } else break;
}
process.exit();
