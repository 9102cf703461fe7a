/**
 * The Unix socket at which the siblings of a worker ask it for topics, and their connections.
 *
 * A system may sweep its temporary folder, and the socket with it: it is looked at now and then, and listened
 * at again where it is missing. Invariants: what a sibling asked for ends with its connection; a sibling that
 * sends no frames loses its connection and nothing else; no error of the socket ends the process.
 */
import { lstat, mkdir } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { type Clock, type Metrics, parseTopic, type Timer, type Topic } from "@holdfast/core";
import { isPrivateFolder } from "../../runtime/private-folder.js";
import { FrameQueue } from "./frame-queue.js";
import { acceptedFrame, FRAME, FRAMES_VERSION, FrameReader, frame } from "./frames.js";
import type { SharedPayload, TopicHome, TopicInterest } from "./topic-home.js";

/** Of a frame to the home: a topic's name, or a worker's. */
const MAX_REQUEST_BYTES = 64 * 1024;
/** How often it is looked whether the socket is there still, ms. */
const LOOK_INTERVAL_MS = 5_000;
const BACKLOG = 512;

export interface SiblingServerParts {
  readonly path: string;
  readonly home: TopicHome;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export class SiblingServer {
  readonly #parts: SiblingServerParts;
  readonly #connections = new Set<SiblingConnection>();
  #server: Server;
  #looks: Timer | undefined;
  #isClosed = false;

  constructor(parts: SiblingServerParts) {
    this.#parts = parts;
    this.#server = this.#newServer();
  }

  /** Topics that siblings have asked for, each once for each sibling. */
  get interests(): number {
    let interests = 0;
    for (const connection of this.#connections) interests += connection.interests;
    return interests;
  }

  /** Resolves when siblings can reach this worker, or with why they cannot yet. */
  async listen(): Promise<unknown> {
    const problem = await this.#listen().catch((error: unknown) => error);
    this.#looks = this.#parts.clock.every(LOOK_INTERVAL_MS, () => void this.#look().catch(() => {}));
    return problem;
  }

  /** Whether this worker reaches the broker has changed: what was asked for is over where it does not. */
  tellState(): void {
    for (const connection of this.#connections) connection.tellState();
  }

  /** Passes a fence on to the worker that it names. */
  fence(mark: string): void {
    const name = mark.slice(0, mark.lastIndexOf("."));
    for (const connection of this.#connections) if (connection.name === name) connection.fence(mark);
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#looks?.cancel();
    this.#server.close();
    for (const connection of this.#connections) connection.close();
  }

  async #look(): Promise<void> {
    const { path } = this.#parts;
    const found = await lstat(path).catch(() => undefined);
    if (found !== undefined || this.#isClosed) return;
    const folder = dirname(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!isPrivateFolder(await lstat(folder)) || this.#isClosed) return;
    // First the old one: its end removes whatever is at the path.
    this.#server.close();
    this.#server = this.#newServer();
    await this.#listen();
  }

  #listen(): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      // Otherwise node:cluster has the primary listen (worker/relay/relay-socket.ts).
      server.listen({ path: this.#parts.path, exclusive: true, backlog: BACKLOG }, resolve);
    });
  }

  #newServer(): Server {
    const server = createServer((socket) => {
      const connection = new SiblingConnection(socket, this.#parts);
      this.#connections.add(connection);
      socket.once("close", () => {
        this.#connections.delete(connection);
        connection.ended();
      });
    });
    // Out of descriptors, for one: the sibling tries again.
    server.on("error", () => {});
    return server;
  }
}

class SiblingConnection {
  readonly #socket: Socket;
  readonly #parts: SiblingServerParts;
  readonly #queue: FrameQueue;
  /** By request. */
  readonly #interests = new Map<number, RemoteInterest>();
  #name: string | undefined;

  constructor(socket: Socket, parts: SiblingServerParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#queue = new FrameQueue(socket, parts.clock, () => parts.metrics.add("siblings_skipped", 1));
    const reader = new FrameReader(MAX_REQUEST_BYTES, (type, number, rest) => {
      if (!socket.destroyed) this.#receive(type, number, rest);
    });
    socket.on("data", (chunk: Buffer) => {
      if (!socket.destroyed && !reader.read(chunk)) socket.destroy();
    });
    socket.on("drain", () => this.#queue.drained());
    socket.on("error", () => {});
  }

  /** As it has said; undefined before. */
  get name(): string | undefined {
    return this.#name;
  }

  get interests(): number {
    return this.#interests.size;
  }

  tellState(): void {
    const { isAble } = this.#parts.home;
    // The home has forgotten them.
    if (!isAble) this.#interests.clear();
    if (this.#name !== undefined) this.#queue.add(frame(FRAME.state, isAble ? 1 : 0));
  }

  fence(mark: string): void {
    this.#queue.addFence(frame(FRAME.fence, 0, mark));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The socket has ended. */
  ended(): void {
    for (const interest of this.#interests.values()) this.#parts.home.remove(interest.topic, interest);
    this.#interests.clear();
  }

  #receive(type: number, number: number, rest: Buffer): void {
    if (type === FRAME.hello) {
      if (number !== FRAMES_VERSION || this.#name !== undefined) return this.close();
      this.#name = rest.toString();
      return this.tellState();
    }
    if (this.#name === undefined) return this.close();
    switch (type) {
      case FRAME.subscribe:
        return this.#subscribe(number, parseTopic(rest.toString()));
      case FRAME.unsubscribe: {
        const interest = this.#interests.get(number);
        if (interest === undefined) return;
        this.#interests.delete(number);
        return this.#parts.home.remove(interest.topic, interest);
      }
      case FRAME.ping:
        // What waits is a sign of life too: pongs for a sibling that does not read would pile up.
        return this.#queue.isFull ? undefined : this.#queue.add(frame(FRAME.pong, 0));
      default:
        return this.close();
    }
  }

  #subscribe(request: number, topic: Topic | undefined): void {
    if (topic === undefined || this.#interests.has(request)) return this.close();
    const { home, metrics } = this.#parts;
    const interest = new RemoteInterest(topic, request, this.#queue, metrics, () =>
      this.#interests.delete(request),
    );
    this.#interests.set(request, interest);
    home.add(topic, interest);
  }
}

/** A sibling's interest in a topic: what is told of it goes into the sibling's queue. */
class RemoteInterest implements TopicInterest {
  readonly topic: Topic;
  readonly #request: number;
  readonly #queue: FrameQueue;
  readonly #metrics: Metrics;
  readonly #over: () => void;

  constructor(topic: Topic, request: number, queue: FrameQueue, metrics: Metrics, over: () => void) {
    this.topic = topic;
    this.#request = request;
    this.#queue = queue;
    this.#metrics = metrics;
    this.#over = over;
  }

  accepted(number: number): void {
    this.#queue.add(acceptedFrame(this.#request, number));
  }

  confirmed(): void {
    this.#queue.add(frame(FRAME.confirmed, this.#request));
  }

  refused(): void {
    this.#over();
    this.#queue.add(frame(FRAME.refused, this.#request));
  }

  payload(payload: SharedPayload): void {
    this.#metrics.add("siblings_sent", 1);
    this.#queue.addPayload(payload.number, payload.frame);
  }
}
