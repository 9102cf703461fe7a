/**
 * The WebSocket of a listener, for the SDK: `ws`, with data kept as text, why a handshake was refused, and a
 * brake.
 *
 * Invariant: nothing more is read while what came is being printed, so that a slow pipe slows the gateway's
 * client down and fills no memory.
 */
import type { IncomingMessage } from "node:http";
import type { WebSocketClass, WebSocketLike } from "@holdfast/client";
import { WebSocket } from "ws";
import { describeAnswer } from "../admin-client.js";
import { sentence, systemCode } from "../failure.js";
import { withDataAsText } from "./data-text.js";

const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024;

/** What a listener and its sockets share. */
export class SocketWatch {
  /** Why the last socket ended, where the SDK cannot know; undefined after a good handshake. */
  why: string | undefined;
  /** An HTTP answer that another try would get, too. */
  refused = false;
  #socket: WebSocket | undefined;
  #printing = 0;

  /** Reads on when `printed` settles and nothing else is being printed. */
  hold(printed: Promise<void>): void {
    this.#printing++;
    this.#socket?.pause();
    const release = (): void => {
      if (--this.#printing === 0) this.#socket?.resume();
    };
    printed.then(release, release);
  }

  use(socket: WebSocket): void {
    this.#socket = socket;
  }
}

export function listenSocket(watch: SocketWatch, where: string): WebSocketClass {
  return class implements WebSocketLike {
    readonly #socket: WebSocket;

    constructor(url: string, protocols: string) {
      const socket = new WebSocket(url, protocols, {
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        maxPayload: MAX_PAYLOAD_BYTES,
      });
      this.#socket = socket;
      watch.why = undefined;
      watch.use(socket);
      socket.on("unexpected-response", (_request, response) => refusal(response, socket, watch, where));
      socket.on("error", (error) => {
        watch.why ??=
          systemCode(error) === "ECONNREFUSED"
            ? `no gateway at ${where} (nothing listens there): start one with \`holdfast start\`, or name it with --url <url>`
            : `no connection to ${where}: ${sentence(error)}`;
      });
    }

    send(data: string): void {
      this.#socket.send(data);
    }

    close(code?: number, reason?: string): void {
      // What is paused does not hear the other side's close.
      this.#socket.resume();
      if (this.#socket.readyState === WebSocket.CONNECTING) this.#socket.terminate();
      else this.#socket.close(code, reason);
    }

    addEventListener(type: "open" | "message" | "close" | "error", listener: (event: never) => void): void {
      if (type === "message") {
        this.#socket.on("message", (data) => listener({ data: withDataAsText(String(data)) } as never));
      } else if (type === "close") {
        this.#socket.on("close", (code, reason) => listener({ code, reason: reason.toString() } as never));
      } else this.#socket.on(type, (event?: unknown) => listener((event ?? {}) as never));
    }
  };
}

/** An HTTP answer in place of a WebSocket: its sentence, up to a limit, and then the end. */
function refusal(response: IncomingMessage, socket: WebSocket, watch: SocketWatch, where: string): void {
  const { statusCode = 0 } = response;
  watch.refused = statusCode < 500 && statusCode !== 429;
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    if (text.length < MAX_ANSWER_BYTES) text += chunk;
  });
  response.on("close", () => {
    watch.why ??= `${where} refused with ${statusCode}: ${describeAnswer(text)}`;
    socket.terminate();
  });
}
