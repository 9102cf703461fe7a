/**
 * A network without a network: hands out sockets that a test opens, feeds and closes.
 */
import type { ConnectResult } from "@holdfast/protocol";
import type { WebSocketClass, WebSocketLike } from "../transports/web-socket.js";

export class FakeWebSocket implements WebSocketLike {
  readonly url: string;
  readonly protocols: string;
  /** Messages that the client sent. */
  readonly sent: string[] = [];
  readyState: "connecting" | "open" | "closed" = "connecting";
  readonly #listeners = new Map<string, (event: never) => void>();

  constructor(url: string, protocols: string) {
    this.url = url;
    this.protocols = protocols;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener);
  }

  send(data: string): void {
    if (this.readyState === "connecting") throw new Error("InvalidStateError");
    this.sent.push(data);
  }

  /** As a dead network: the close event may come much later, if a test lets it. */
  close(): void {
    this.readyState = "closed";
  }

  /** The frames that the client sent, oldest first, without the messages' bounds. */
  get frames(): readonly Record<string, unknown>[] {
    return this.sent.flatMap((message) => message.split("\n")).map((frame) => JSON.parse(frame));
  }

  open(): void {
    this.readyState = "open";
    this.#dispatch("open", {});
  }

  /** A message of these frames; text is taken as it is. */
  receive(...frames: readonly unknown[]): void {
    const lines = frames.map((frame) => (typeof frame === "string" ? frame : JSON.stringify(frame)));
    this.#dispatch("message", { data: lines.join("\n") });
  }

  receiveBinary(): void {
    this.receiveData(new ArrayBuffer(1));
  }

  receiveData(data: unknown): void {
    this.#dispatch("message", { data });
  }

  fail(message: string): void {
    this.#dispatch("error", { message });
  }

  closedBy(code: number, reason = ""): void {
    this.readyState = "closed";
    this.#dispatch("close", { code, reason });
  }

  /** Opens and answers the connect command. */
  welcome(result: Partial<ConnectResult> = {}): void {
    this.open();
    this.receive({ id: 1, connect: { ...WELCOME, ...result } });
  }

  #dispatch(type: string, event: object): void {
    this.#listeners.get(type)?.(event as never);
  }
}

export const SID = "AAAAbbbbbbbbbbbbbbbb";

export const WELCOME: ConnectResult = {
  sid: SID,
  resumed: false,
  ping: 25_000,
  pongTimeout: 8_000,
  serverTime: 0,
  limits: { maxPayload: 65_536, maxChannels: 128, commandRate: 100 },
};

export class FakeNetwork {
  readonly sockets: FakeWebSocket[] = [];
  readonly #onMade: ((socket: FakeWebSocket) => void) | undefined;

  constructor(onMade?: (socket: FakeWebSocket) => void) {
    this.#onMade = onMade;
  }

  /** The class to give to a client. */
  get WebSocket(): WebSocketClass {
    const made = (socket: FakeWebSocket): void => {
      this.sockets.push(socket);
      this.#onMade?.(socket);
    };
    return class extends FakeWebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols);
        made(this);
      }
    };
  }

  /** The newest socket. */
  get socket(): FakeWebSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("no socket was made yet");
    return last;
  }

  /** Sockets that are opening or open. */
  get live(): number {
    return this.sockets.filter(({ readyState }) => readyState !== "closed").length;
  }
}
