/**
 * Attackers who open connections and never finish a request: half of them say nothing at all, half a byte now
 * and then.
 *
 * A refused attacker comes again at once, so that their number stays the same, until `stop`. Notes how each
 * was ended and how long it was kept.
 */
import { connect, type Socket } from "node:net";
import { within } from "./deadline.js";

/** The next byte of a dribbled head, ms. */
const BYTE_MS = 150;
const HEAD = "GET /ws?channels=all HTTP/1.1\r\nHost: gateway.example\r\n";

export class SlowHeads {
  /** How many were ended with which status; 0 without an answer. */
  readonly ended = new Map<number, number>();
  /** The longest that one was kept, from its connection to its end, ms. */
  longestMs = 0;
  readonly #port: number;
  /** With how much of the head each has sent; undefined for those that send nothing. */
  readonly #sockets = new Map<Socket, number | undefined>();
  readonly #dribble: NodeJS.Timeout;
  #opened = 0;
  #connected = 0;
  #state: "attacking" | "ending" = "attacking";
  #whenAllIn: () => void = () => {};
  #whenGone: () => void = () => {};

  private constructor(port: number) {
    this.#port = port;
    this.#dribble = setInterval(() => this.#sendByte(), BYTE_MS);
  }

  /** Resolves when the kernel has taken all of them. */
  static async start(port: number, count: number): Promise<SlowHeads> {
    const heads = new SlowHeads(port);
    const allIn = new Promise<void>((resolve) => {
      heads.#whenAllIn = () => {
        if (heads.#connected === count) resolve();
      };
    });
    for (let i = 0; i < count; i++) heads.#open();
    await within(allIn, () => `${count} slow connections, only ${heads.#connected} were taken`);
    return heads;
  }

  /** Attacks so far. */
  get attacks(): number {
    return this.#opened;
  }

  /** Stops opening connections. Resolves when the gateway has ended the last open one. */
  async stop(ms: number): Promise<void> {
    this.#state = "ending";
    const gone = new Promise<void>((resolve) => {
      this.#whenGone = () => {
        if (this.#sockets.size === 0) resolve();
      };
    });
    this.#whenGone();
    await within(gone, () => `the end of ${this.#sockets.size} slow connections`, ms);
    clearInterval(this.#dribble);
  }

  /** Ends them from this side. Idempotent. */
  close(): void {
    this.#state = "ending";
    clearInterval(this.#dribble);
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #open(): void {
    const socket = connect(this.#port, "127.0.0.1");
    this.#sockets.set(socket, this.#opened++ % 2 === 0 ? undefined : 0);
    let since: number | undefined;
    let status = 0;
    socket.on("error", () => {});
    socket.on("connect", () => {
      since = performance.now();
      this.#connected++;
      this.#whenAllIn();
    });
    socket.on("data", (bytes) => {
      status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString("latin1"))?.[1] ?? status);
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.ended.set(status, (this.ended.get(status) ?? 0) + 1);
      if (since !== undefined) this.longestMs = Math.max(this.longestMs, performance.now() - since);
      if (this.#state === "attacking") this.#open();
      else this.#whenGone();
    });
  }

  #sendByte(): void {
    for (const [socket, sent] of this.#sockets) {
      if (sent === undefined || !socket.writable || socket.connecting) continue;
      socket.write(HEAD.charAt(sent % HEAD.length));
      this.#sockets.set(socket, sent + 1);
    }
  }
}
