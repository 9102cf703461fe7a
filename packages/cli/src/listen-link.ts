/**
 * One WebSocket of a listener, from the handshake to its end.
 *
 * Knows nothing of coming back: it says how it ended and whether the server forbade another try.
 * Invariants: publications are handed over one at a time and in order, and nothing more is read while one is being
 * handled; a link on which nothing was heard for longer than the server's own ping is dead.
 */
import type { IncomingMessage } from "node:http";
import {
  type ConnectResult,
  type DisconnectNotice,
  type DrainNotice,
  decodeFrames,
  type Json,
  mayReconnect,
  memberText,
} from "@holdfast/protocol";
import { WebSocket } from "ws";
import { describeAnswer } from "./admin-client.js";
import { sentence, systemCode } from "./failure.js";

export interface LinkEvents {
  /** `channel` is undefined for a broadcast. `data` is JSON text, as it was published. */
  publication(channel: string | undefined, data: string): Promise<void>;
  /** The link came or went, in words. */
  status(message: string): void;
}

/** How a link ended. */
export interface Ending {
  /** Ms from the server's welcome to the end; 0 when it never came. */
  readonly connectedMs: number;
  /** A sentence for people. */
  readonly why: string;
  /** False when trying again cannot help. */
  readonly again: boolean;
  /** Ms before which the server does not want to see us. */
  readonly notBeforeMs: number;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024;

export class ListenLink {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  readonly #socket: WebSocket;
  readonly #events: LinkEvents;
  readonly #where: string;
  /** The work on messages that arrived, in their order. */
  #handled: Promise<void> = Promise.resolve();
  #waiting = 0;
  #connectedAt: number | undefined;
  #silence: NodeJS.Timeout | undefined;
  #notice: DisconnectNotice | undefined;
  #notBeforeMs = 0;
  /** Why it ended, when it was not the server's close frame. The first reason counts. */
  #failure: string | undefined;
  #refused = false;

  constructor(url: URL, events: LinkEvents) {
    this.#events = events;
    this.#where = `${url.protocol}//${url.host}`;
    const socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
    this.#socket = socket;
    socket.on("ping", () => this.#silence?.refresh());
    socket.on("message", (data) => this.#message(String(data)));
    socket.on("unexpected-response", (_request, response) => this.#unexpected(response));
    socket.on("error", (error) => this.#error(error));
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        clearTimeout(this.#silence);
        this.#handled.then(() => resolve(this.#ending(code, reason.toString())));
      });
    });
  }

  /** Says goodbye, or gives up a handshake. Idempotent. */
  close(): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#socket.terminate();
    else this.#socket.close(1000);
  }

  #message(text: string): void {
    this.#silence?.refresh();
    this.#waiting++;
    this.#socket.pause();
    this.#handled = this.#handled
      .then(() => this.#frames(text))
      .catch((error: unknown) => this.#fail(sentence(error)))
      .then(() => {
        if (--this.#waiting === 0) this.#socket.resume();
      });
  }

  async #frames(text: string): Promise<void> {
    for (const line of text.split("\n")) {
      for (const frame of line === "" ? [] : decodeFrames(line)) {
        if (frame.kind === "ping") this.#socket.send("{}");
        else if (frame.kind === "push") await this.#push(frame.op, frame.body, line);
      }
    }
  }

  async #push(op: string, body: Json, line: string): Promise<void> {
    switch (op) {
      case "connect":
        return this.#welcome(body as unknown as ConnectResult);
      case "publication": {
        const { channel } = body as { channel: string };
        return this.#events.publication(channel, dataOf(line, op));
      }
      case "broadcast":
        return this.#events.publication(undefined, dataOf(line, op));
      case "drain":
        this.#notBeforeMs = (body as unknown as DrainNotice).reconnectAfter;
        return;
      case "disconnect":
        this.#notice = body as unknown as DisconnectNotice;
    }
  }

  #welcome({ ping, pongTimeout }: ConnectResult): void {
    this.#connectedAt = performance.now();
    this.#silence = setTimeout(
      () => this.#fail(`nothing came from ${this.#where} for too long`),
      ping + 2 * pongTimeout,
    );
    this.#events.status(`listening at ${this.#where}`);
  }

  #unexpected(response: IncomingMessage): void {
    const { statusCode = 0, headers } = response;
    this.#refused = statusCode < 500;
    this.#notBeforeMs = 1000 * (Number(headers["retry-after"]) || 0);
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      if (text.length < MAX_ANSWER_BYTES) text += chunk;
    });
    response.on("close", () =>
      this.#fail(`${this.#where} refused with ${statusCode}: ${describeAnswer(text)}`),
    );
  }

  #error(error: Error): void {
    this.#failure ??=
      systemCode(error) === "ECONNREFUSED"
        ? `no gateway at ${this.#where} (nothing listens there): start one with \`holdfast start\`, or name it with --url <url>`
        : `no connection to ${this.#where}: ${sentence(error)}`;
  }

  #fail(why: string): void {
    this.#failure ??= why;
    this.#socket.terminate();
  }

  #ending(code: number, reason: string): Ending {
    const said = this.#notice?.reason ?? reason;
    return {
      connectedMs: this.#connectedAt === undefined ? 0 : performance.now() - this.#connectedAt,
      why: this.#failure ?? `${this.#where} closed the connection (${code}${said === "" ? "" : ` ${said}`})`,
      again: !this.#refused && (this.#notice?.reconnect ?? mayReconnect(code)),
      notBeforeMs: Math.max(this.#notBeforeMs, this.#notice?.retryAfter ?? 0),
    };
  }
}

/** As it was published: encoded anew, large numbers would be rounded. */
function dataOf(frame: string, op: string): string {
  return memberText(memberText(frame, op) ?? "{}", "data") ?? "null";
}
