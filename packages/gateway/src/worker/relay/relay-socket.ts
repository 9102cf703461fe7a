/**
 * The Unix socket at which a worker answers requests that the instance's other workers send on.
 *
 * A system may sweep its temporary folder while the instance runs, and the socket with it: no worker could
 * reach this worker any more, and every request that another one has read would open its session anew. It is
 * therefore looked at now and then, and listened at again where it is missing, as where the folder had no
 * room for it when the worker started. Invariants: no error of the socket ends the process, or keeps it from
 * starting; a folder that another user may have made in the place of a swept one is not used,
 * because requests carry tokens.
 */
import type { Stats } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import type { Clock, Timer } from "@holdfast/core";
import { isPrivateFolder } from "../../runtime/private-folder.js";

/** Connections that may wait at the socket; the kernel has a bound of its own, net.core.somaxconn. */
const BACKLOG = 4_096;
/** How often it is looked whether the socket is there still, ms. */
const LOOK_INTERVAL_MS = 5_000;

export class RelaySocket {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #answer: RequestListener;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #looks: Timer | undefined;
  #looking = false;
  #isFolderOurs = true;
  #closed = false;

  constructor(path: string, clock: Clock, answer: RequestListener) {
    this.#path = path;
    this.#clock = clock;
    this.#answer = answer;
    this.#server = this.#newServer();
  }

  /** Connections of other workers. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Whether the folder was private to this user when it was looked at last, or missing. */
  get isFolderOurs(): boolean {
    return this.#isFolderOurs;
  }

  /** Resolves when other workers can reach this one, or with why they cannot yet. */
  async listen(): Promise<unknown> {
    const problem = await this.#listen().catch((error: unknown) => error);
    this.#looks = this.#clock.every(LOOK_INTERVAL_MS, () => void this.#look());
    return problem;
  }

  /** Ends every connection. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#looks?.cancel();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const [folder, socket] = await Promise.all([statOf(dirname(this.#path)), statOf(this.#path)]);
    this.#isFolderOurs = folder === undefined || isPrivateFolder(folder);
    if (socket === undefined && this.#isFolderOurs && !this.#closed)
      await this.#listenAgain().catch(() => {});
    this.#looking = false;
  }

  /** A folder that cannot be made now is tried again at the next look. */
  async #listenAgain(): Promise<void> {
    const folder = dirname(this.#path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#isFolderOurs = isPrivateFolder(await lstat(folder));
    if (this.#closed || !this.#isFolderOurs) return;
    // First the old one: its end removes whatever is at the path.
    this.#server.close();
    this.#server = this.#newServer();
    await this.#listen();
  }

  #listen(): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      // Otherwise node:cluster has the primary listen and pass connections on: those on their way when this
      // worker dies would be held there without an answer, and their acknowledgements would be taken for
      // those of hand-offs.
      server.listen({ path: this.#path, exclusive: true, backlog: BACKLOG }, resolve);
    });
  }

  #newServer(): Server {
    // The other end keeps connections for a while only; an end from here could meet a request.
    const server = createServer({ keepAliveTimeout: 0 }, this.#answer);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    // Out of descriptors, for one: a connection that cannot be accepted is tried again by the other worker.
    server.on("error", () => {});
    return server;
  }
}

/** Undefined where there is nothing. What cannot be looked at counts as nothing, too: it cannot be used. */
function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}
