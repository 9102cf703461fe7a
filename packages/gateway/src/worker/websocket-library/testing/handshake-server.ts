/**
 * The worker's HTTP server with one engine, for conversations of a raw client that begin with a request.
 *
 * A head goes the way that it goes in a worker: past Node's parser where the engine takes handles and the
 * head is plain, through it otherwise. Core's side says each text back.
 */
import { connect } from "node:net";
import { ANONYMOUS, systemClock, type Transport } from "@holdfast/core";
import { originCheck } from "../../../http/origin.js";
import { DOCUMENTED_PARSER, INTERNAL_PARSER } from "../../../http/parser-control.js";
import type { EngineName } from "../../../runtime/engine-choice.js";
import { socketOf, type TcpHandle } from "../../../runtime/tcp-handle.js";
import { TcpListener } from "../../../runtime/tcp-listener.js";
import { AddressProbes } from "../../http/address-probes.js";
import { ClientAddresses } from "../../http/client-addresses.js";
import type { Compression } from "../../http/deflate-offer.js";
import { LaterClients } from "../../http/later-clients.js";
import { PlainHttp } from "../../http/plain-http.js";
import { RequestAuthentication } from "../../http/request-authentication.js";
import { UpgradeAdmission } from "../../http/upgrade-admission.js";
import { HttpServer } from "../../http-server.js";
import { UnfinishedMessages } from "../../sockets/unfinished-messages.js";
import { WaitingSockets } from "../../sockets/waiting-sockets.js";
import { makeEngine } from "./engines.js";

export interface HandshakeOptions {
  readonly compression: Compression;
  /** Pages that may connect. */
  readonly origins: readonly string[];
  readonly maxPayload: number;
}

/** An answer, and the bytes behind it. */
export interface Answered {
  readonly status: number;
  /** Names in lower case; values of one name joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly behind: Buffer;
}

export interface HandshakeServer {
  /** Sends the bytes and returns what was heard until the end. */
  ask(bytes: Uint8Array): Promise<Answered>;
  close(): void;
}

export async function serveHandshakes(
  name: EngineName,
  { compression, origins, maxPayload }: HandshakeOptions,
): Promise<HandshakeServer> {
  const clock = systemClock;
  const unfinished = new UnfinishedMessages({ timeoutMs: 60_000, maxBytes: 10_000_000 }, clock);
  const opener = {
    open: (transport: Transport) => ({
      receive: (text: unknown) => transport.write(transport.framing.frame(`heard ${text}`)),
      alive() {},
      spend: () => true,
      refuse() {},
      disconnect() {},
      closed() {},
    }),
  };
  const clients = new ClientAddresses({ proxyProtocol: false, trustedProxies: [] });
  const who = { identity: ANONYMOUS };
  const core = { state: "open" as const, authenticate: () => who, admit: () => undefined };
  const authentication = new RequestAuthentication({ ...core, redeem: () => Promise.resolve(who) });
  const policy = { mayComeFrom: originCheck([...origins]), maxChannels: 10, tokenInUrl: false, compression };
  const http = new HttpServer({
    core,
    upgrades: new UpgradeAdmission(core, authentication, policy, clients, new AddressProbes(), () => 0),
    engine: makeEngine(name, { opener, maxPayload, unfinished, clock }),
    later: new LaterClients(clients, { open: () => undefined, hold: () => undefined, moved() {} }),
    comet: {
      handle: () => false,
      takeHandle: () => false,
      close() {},
      fanOut: 0,
      pollRefusal: () => undefined,
      poll() {},
    },
    waiting: new WaitingSockets(clock, 10_000),
    idle: new WaitingSockets(clock, 75_000),
    relay: {
      directory: "/nowhere",
      owner: { slot: 0, generation: 0 },
      maxBodyBytes: 1_000,
      unfinished,
      answerTimeoutMs: 10_000,
      mayConnect: () => true,
      others: undefined,
      clock,
      routed() {},
    },
    answered() {},
    plain: new PlainHttp({}),
    policy,
    parser: name === "ws" ? DOCUMENTED_PARSER : INTERNAL_PARSER,
    maxHeadBytes: 4_096,
    writeTimeoutMs: 5_000,
    clock,
    cut() {},
    random: () => 0,
    handshakes: { accepted() {}, refused() {} },
  });
  const listener = await listenForHeads((handle, head) => {
    if (http.takeHandle(handle, head, undefined)) return;
    const socket = socketOf(handle);
    http.server.emit("connection", socket);
    socket.unshift(Buffer.from(head, "latin1"));
  });
  return {
    ask: (bytes) => ask(listener.port, bytes),
    close() {
      http.close();
      unfinished.close();
      listener.close();
    },
  };
}

/** As the front door: a handle is given on once its head is whole, with what came behind it. */
function listenForHeads(take: (handle: TcpHandle, head: string) => void): Promise<TcpListener> {
  return TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 511 }, (handle) => {
    if (handle === undefined) return;
    let head = "";
    handle.onread = (bytes) => {
      if (bytes === undefined) return handle.close();
      head += Buffer.from(bytes).toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      handle.readStop();
      take(handle, head);
    };
    handle.readStart();
  });
}

async function ask(port: number, bytes: Uint8Array): Promise<Answered> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      // A refused client ends; one that was accepted says goodbye in what it sends.
      if (!Buffer.concat(chunks).includes(" 101 ")) socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  socket.write(bytes);
  await ended;
  const all = Buffer.concat(chunks);
  const end = all.indexOf("\r\n\r\n");
  const [line = "", ...fields] = all.subarray(0, end).toString("latin1").split("\r\n");
  const headers: Record<string, string> = {};
  for (const field of fields) {
    const colon = field.indexOf(":");
    const key = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { status: Number(line.split(" ")[1]), headers, behind: all.subarray(end + 4) };
}
