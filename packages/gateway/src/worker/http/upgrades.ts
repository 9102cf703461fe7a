/**
 * Requests for a WebSocket: each is decided (`UpgradeAdmission`), and its socket given to an engine or
 * refused.
 *
 * They come as bare handles, past Node's parser, or as sockets of Node's HTTP server, whose earlier answers
 * leave first. Here alone a socket becomes a WebSocket. Invariant: a request that has to wait for its
 * decision keeps its socket, and a socket that closed meanwhile is forgotten.
 */
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errors } from "@holdfast/protocol";
import type { PlainHead } from "../../http/plain-head.js";
import { remoteEndOf, socketOf, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { Peer } from "./address-probes.js";
import type { HttpSockets } from "./http-sockets.js";
import type { LaterClients } from "./later-clients.js";
import { destroySocket, type TurnedAway } from "./turned-away.js";
import { type Acceptance, refusalFor, type UpgradeRefusal } from "./upgrade.js";
import type { UpgradeAdmission } from "./upgrade-admission.js";
import type { AcceptedUpgrade, WebSocketEngine } from "./websocket-engine.js";

const NOTHING = Buffer.alloc(0);

/** A request for a WebSocket, with what came right behind it. */
type Upgrading = Pick<AcceptedUpgrade, "head" | "first">;
type Decision = Acceptance | UpgradeRefusal;

/** A request for a WebSocket on a bare handle; `head` has what came behind it, too. */
export interface HandleArrival {
  readonly handle: TcpHandle;
  readonly request: PlainHead;
  /** As latin1. */
  readonly head: string;
  readonly ended: (() => void) | undefined;
}

export interface UpgradesParts {
  readonly upgrades: UpgradeAdmission;
  readonly engine: WebSocketEngine;
  readonly later: LaterClients;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of every upgrade: how long the worker took, in seconds, or the status of the refusal. */
  readonly handshakes: { accepted(seconds: number): void; refused(status: number): void };
}

export class Upgrades {
  readonly #parts: UpgradesParts;
  readonly #sockets: Pick<HttpSockets, "afterAnswers">;
  readonly #turnedAway: TurnedAway;

  constructor(parts: UpgradesParts, sockets: Pick<HttpSockets, "afterAnswers">, turnedAway: TurnedAway) {
    this.#parts = parts;
    this.#sockets = sockets;
    this.#turnedAway = turnedAway;
  }

  /** Takes ownership of the handle. */
  takeHandle(arrival: HandleArrival): void {
    const decision = this.#parts.upgrades.decide(arrival.request, () => remoteEndOf(arrival.handle));
    if (decision instanceof Promise) void decision.then((late) => this.#receive(arrival, late));
    else this.#receive(arrival, decision);
  }

  /** Takes a socket that Node's HTTP server has given up for an upgrade. */
  takeSocket(socket: Duplex, head: IncomingMessage, first: Buffer): void {
    const decision = this.#parts.upgrades.decide(head, () => peerOfSocket(socket));
    if (!(decision instanceof Promise)) return this.#carryOut(socket, { head, first }, decision);
    // No other part listens to a socket that Node has given up for an upgrade.
    socket.on("error", destroySocket);
    void decision.then((late) => {
      socket.removeListener("error", destroySocket);
      if (!socket.destroyed) this.#carryOut(socket, { head, first }, late);
    });
  }

  #receive({ handle, request, head, ended }: HandleArrival, decision: Decision): void {
    const { engine, handshakes } = this.#parts;
    if (decision.kind === "accept") {
      const first = head.length === request.end ? NOTHING : Buffer.from(head.slice(request.end), "latin1");
      engine.accept(handle, { head: request, first, ended }, decision);
      handshakes.accepted(0);
      return;
    }
    const socket = socketOf(handle);
    if (ended !== undefined) socket.once("close", ended);
    this.#refuse(socket, decision);
  }

  #carryOut(socket: Duplex, upgrading: Upgrading, decision: Decision): void {
    if (decision.kind === "refuse") this.#refuse(socket, decision, upgrading.head.method === "HEAD");
    else if (socket instanceof Socket) {
      const { later, random } = this.#parts;
      const problem = later.refusal(socket, upgrading.head, decision.channels?.length ?? 0);
      if (problem !== undefined) this.#refuse(socket, refusalFor(problem, random()));
      else
        this.#sockets.afterAnswers(socket, (seconds) => this.#takeOver(socket, upgrading, decision, seconds));
    }
    // A request that the router had to tunnel, because it announces a body, cannot carry a WebSocket.
    else this.#refuse(socket, refusalFor(errors.badRequest, 0));
  }

  /** The socket goes on as the engine's. */
  #takeOver(socket: Socket, { head, first }: Upgrading, decision: Acceptance, seconds: number): void {
    const { engine, handshakes, later } = this.#parts;
    const unread = socket.read() as Buffer | null;
    const ended = later.holdUpgrade(socket, head);
    const all = unread === null ? first : Buffer.concat([first, unread]);
    if (engine.acceptSocket(socket, { head, first: all, ended }, decision)) handshakes.accepted(seconds);
  }

  #refuse(socket: Duplex, refusal: UpgradeRefusal, headOnly = false): void {
    this.#parts.handshakes.refused(refusal.status);
    this.#turnedAway.refuse(socket, refusal, headOnly);
  }
}

/** Undefined where it has gone. */
function peerOfSocket(socket: Duplex): Peer | undefined {
  if (!(socket instanceof Socket)) return undefined;
  const { remoteAddress: address, remotePort: port } = socket;
  return address === undefined || port === undefined ? undefined : { address, port };
}
