/**
 * A link to a sibling, as the home of topics that this worker wishes.
 *
 * Owns the requests under way there; what their answers mean is `shared-topics.ts`. Invariants: while it is
 * not able it has no placement; a sibling that is silent for `SILENCE_MS`, or sends no frames, loses this
 * link and nothing else.
 */
import { lstat } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Clock, Timer } from "@holdfast/core";
import { isPrivateFolder } from "../../runtime/private-folder.js";
import { FrameQueue, MAX_QUEUED_BYTES } from "./frame-queue.js";
import { FRAME, FRAMES_VERSION, FrameReader, frame, HEAD_BYTES } from "./frames.js";
import type { SiblingHome, TopicPlacement } from "./placement.js";

/** A sibling that is asked for a sign of life gives one within this time, ms. */
export const SILENCE_MS = 5_000;
const PING_MS = 1_000;
/** Until a socket that has ended is opened again, ms. */
const RETRY_MS = 200;
const MAX_FRAME_BYTES = MAX_QUEUED_BYTES + HEAD_BYTES;

export interface SiblingLinkEvents {
  /** Whether it may be chosen as a home has changed. */
  changed(): void;
  /** These placements are gone. */
  lost(placements: Iterable<TopicPlacement>): void;
  /** A fence, which names this worker, in order with the payloads. */
  fence(link: SiblingLink, mark: string): void;
}

export interface SiblingLinkOptions {
  readonly slot: number;
  /** The sibling's Unix socket. */
  readonly path: string;
  /** The name of this worker. */
  readonly name: string;
  readonly clock: Clock;
}

interface OpenSocket {
  readonly socket: Socket;
  readonly queue: FrameQueue;
  readonly pings: Timer;
  /** By the request that asked for it. */
  readonly requests: Map<number, TopicPlacement>;
  readonly requestOf: Map<TopicPlacement, { readonly request: number; number: number | undefined }>;
  /** By the number under which the home sends it. */
  readonly numbers: Map<number, TopicPlacement>;
  heardAt: number;
  isAble: boolean;
}

export class SiblingLink implements SiblingHome {
  readonly slot: number;
  readonly #options: SiblingLinkOptions;
  readonly #events: SiblingLinkEvents;
  #open: OpenSocket | undefined;
  #requests = 0;
  #isClosed = false;

  /** Begins to connect. */
  constructor(options: SiblingLinkOptions, events: SiblingLinkEvents) {
    this.slot = options.slot;
    this.#options = options;
    this.#events = events;
    void this.#connect();
  }

  /** Whether topics can be subscribed there. */
  get isAble(): boolean {
    return this.#open?.isAble === true;
  }

  /** Topics that are subscribed there for this worker, or about to be. */
  get placements(): number {
    return this.#open?.requestOf.size ?? 0;
  }

  subscribe(placement: TopicPlacement): void {
    const open = this.#open;
    if (open === undefined || !open.isAble) return placement.refused();
    const request = this.#newRequest(open);
    open.requests.set(request, placement);
    open.requestOf.set(placement, { request, number: undefined });
    open.queue.add(frame(FRAME.subscribe, request, placement.topic));
  }

  unsubscribe(placement: TopicPlacement): void {
    const open = this.#open;
    const request = this.#forget(placement);
    if (open !== undefined && request !== undefined) open.queue.add(frame(FRAME.unsubscribe, request));
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#open?.socket.destroy();
  }

  async #connect(): Promise<void> {
    const { path, clock } = this.#options;
    // In a folder that another user may have made in the place of a swept one, any process may listen.
    const folder = await lstat(dirname(path)).catch(() => undefined);
    if (this.#isClosed) return;
    if (folder === undefined || !isPrivateFolder(folder)) {
      clock.after(RETRY_MS, () => void this.#connect());
      return;
    }
    const socket = createConnection({ path });
    socket.on("connect", () => this.#opened(socket));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#lost();
      if (!this.#isClosed) clock.after(RETRY_MS, () => void this.#connect());
    });
  }

  #opened(socket: Socket): void {
    const { clock, name } = this.#options;
    if (this.#isClosed) return void socket.destroy();
    const queue = new FrameQueue(socket, clock);
    const open: OpenSocket = {
      socket,
      queue,
      pings: clock.every(PING_MS, () => this.#ping(open)),
      requests: new Map(),
      requestOf: new Map(),
      numbers: new Map(),
      heardAt: clock.monotonic(),
      isAble: false,
    };
    this.#open = open;
    queue.add(frame(FRAME.hello, FRAMES_VERSION, name));
    const reader = new FrameReader(MAX_FRAME_BYTES, (type, number, rest) => {
      if (!socket.destroyed) this.#receive(open, type, number, rest);
    });
    socket.on("drain", () => queue.drained());
    socket.on("data", (chunk: Buffer) => {
      open.heardAt = clock.monotonic();
      if (!socket.destroyed && !reader.read(chunk)) socket.destroy();
    });
  }

  #ping(open: OpenSocket): void {
    if (this.#options.clock.monotonic() - open.heardAt > SILENCE_MS) open.socket.destroy();
    else open.queue.add(frame(FRAME.ping, 0));
  }

  #receive(open: OpenSocket, type: number, number: number, rest: Buffer): void {
    switch (type) {
      case FRAME.payload:
        return open.numbers.get(number)?.payload({ bytes: rest });
      case FRAME.skipped:
        return open.numbers.get(number)?.skipped();
      case FRAME.fence:
        return this.#events.fence(this, rest.toString());
      case FRAME.accepted: {
        const placement = open.requests.get(number);
        if (rest.length !== 4) open.socket.destroy();
        else if (placement !== undefined) this.#number(open, placement, rest.readUInt32BE(0));
        return;
      }
      case FRAME.confirmed:
        return open.requests.get(number)?.confirmed();
      case FRAME.refused: {
        const placement = open.requests.get(number);
        if (placement !== undefined) this.#forget(placement);
        return placement?.refused();
      }
      case FRAME.state:
        return this.#able(open, number === 1);
      case FRAME.pong:
        return;
      default:
        open.socket.destroy();
    }
  }

  #number({ requestOf, numbers }: OpenSocket, placement: TopicPlacement, number: number): void {
    const request = requestOf.get(placement);
    if (request === undefined) return;
    request.number = number;
    numbers.set(number, placement);
  }

  #able(open: OpenSocket, isAble: boolean): void {
    if (open.isAble === isAble) return;
    open.isAble = isAble;
    // A request on its way may come to the home when it reaches the broker again.
    for (const request of open.requests.keys()) open.queue.add(frame(FRAME.unsubscribe, request));
    const placements = takeAll(open);
    this.#events.changed();
    if (placements.length > 0) this.#events.lost(placements);
  }

  #lost(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    open.pings.cancel();
    const placements = takeAll(open);
    if (open.isAble) this.#events.changed();
    if (placements.length > 0) this.#events.lost(placements);
  }

  /** Returns the request that asked for it. */
  #forget(placement: TopicPlacement): number | undefined {
    const open = this.#open;
    const known = open?.requestOf.get(placement);
    if (open === undefined || known === undefined) return undefined;
    open.requestOf.delete(placement);
    open.requests.delete(known.request);
    if (known.number !== undefined && open.numbers.get(known.number) === placement)
      open.numbers.delete(known.number);
    return known.request;
  }

  #newRequest({ requests }: OpenSocket): number {
    do this.#requests = (this.#requests + 1) >>> 0;
    while (requests.has(this.#requests));
    return this.#requests;
  }
}

function takeAll({ requests, requestOf, numbers }: OpenSocket): readonly TopicPlacement[] {
  const placements = [...requestOf.keys()];
  requests.clear();
  requestOf.clear();
  numbers.clear();
  return placements;
}
