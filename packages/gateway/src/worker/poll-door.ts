/**
 * The door of polls on bare handles: joins their connections to comet, the relay and Node's HTTP server.
 *
 * Decides nothing itself. Invariant: what is not plainly a poll for this worker is Node's to read, from its
 * first byte on.
 */
import type { Server } from "node:http";
import type { Clock, Core } from "@holdfast/core";
import type { CutReason, Exchanges } from "../http/exchanges.js";
import type { AnyWriterIo } from "../runtime/handle-io.js";
import { socketOf } from "../runtime/tcp-handle.js";
import type { Comet } from "./comet/comet.js";
import { cometPath } from "./comet/decision.js";
import type { HttpSockets } from "./http/http-sockets.js";
import type { LaterClients } from "./http/later-clients.js";
import { PollingConnections, type PollingConnectionsParts } from "./polling/polling-connections.js";
import type { Relay, RelayOptions } from "./relay/relay.js";

export interface PollDoorParts {
  /**
   * How polls are read and written past Node's parser, and how long their connections may be silent between
   * two, ms; undefined: they go through it.
   */
  readonly polling?: { readonly io: AnyWriterIo; readonly idleMs: number } | undefined;
  readonly core: Pick<Core, "state">;
  readonly comet: Pick<Comet, "fanOut" | "pollRefusal" | "poll">;
  readonly relay: Pick<RelayOptions, "maxBodyBytes" | "unfinished">;
  readonly later: LaterClients;
  readonly maxHeadBytes: number;
  readonly clock: Clock;
  readonly answered: () => void;
  readonly cut: (why: CutReason) => void;
}

/** Where what is no poll goes on. */
export interface PollNeighbours {
  readonly server: Server;
  readonly sockets: Pick<HttpSockets, "watch">;
  readonly exchanges: Pick<Exchanges, "leaving" | "left">;
  readonly relay: Pick<Relay, "isHere">;
}

/** Undefined where polls go through Node's parser. `maxKeptBytes`: of what cannot be worked off at once. */
export function pollDoor(
  parts: PollDoorParts,
  next: PollNeighbours,
  maxKeptBytes?: number,
): PollingConnections | undefined {
  const { polling, core, comet, relay, later, maxHeadBytes, clock, answered, cut } = parts;
  if (polling === undefined) return undefined;
  const all: PollingConnectionsParts = {
    ...polling,
    clock,
    rules: {
      maxHeadBytes,
      takes: (head) =>
        cometPath(head) === "/poll" && head.bodyBytes <= relay.maxBodyBytes && next.relay.isHere(head),
      refusal: (head) => comet.pollRefusal(head),
    },
    unfinished: relay.unfinished,
    exchanges: next.exchanges,
    isDraining: () => core.state !== "open",
    fanOut: () => comet.fanOut,
    ask: (poll, body) => comet.poll(poll, body),
    answered,
    cut,
    toNode: ({ connection, handle, input, hasCarried }, ended) => {
      handle.readStop();
      const socket = socketOf(handle);
      later.moved(connection, socket, hasCarried);
      if (ended !== undefined) next.sockets.watch(socket, ended);
      next.server.emit("connection", socket);
      socket.unshift(input);
    },
  };
  return new PollingConnections(all, maxKeptBytes);
}
