/**
 * One kept TCP connection that carries many HTTP requests, written byte for byte by the test, pipelined if it
 * likes.
 *
 * Reads the answers by their Content-Length, which every answer of the gateway has. Invariant: an answer that
 * no request asked for, or bytes that are no answer, fail the test that reads next.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { within } from "./deadline.js";

export interface KeptAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Waiter {
  resolve(answer: KeptAnswer): void;
  reject(problem: Error): void;
}

export class KeepAliveSocket {
  readonly socket: Socket;
  /** The peer's end of the connection, or its loss. */
  readonly ended: Promise<void>;
  #rest = "";
  #waiting: Waiter[] = [];
  #problem: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk.toString("latin1")));
    socket.on("error", () => {});
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#fail(new Error("the connection ended"));
        resolve();
      };
      socket.on("end", end);
      socket.on("close", end);
    });
  }

  static async open(port: number): Promise<KeepAliveSocket> {
    const socket = connect(port, "127.0.0.1");
    const kept = new KeepAliveSocket(socket);
    await within(once(socket, "connect"), `a TCP connection to port ${port}`);
    return kept;
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /**
   * The next answer. Call it before or after it comes, once for each request; rejects when the connection
   * ends.
   */
  answer(): Promise<KeptAnswer> {
    const answer = new Promise<KeptAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    this.#take();
    return within(answer, () => `an answer on a kept connection, after ${JSON.stringify(this.#rest)}`);
  }

  /** One request without a body, and its answer. */
  get(target: string): Promise<KeptAnswer> {
    this.write(getRequest(target));
    return this.answer();
  }

  close(): void {
    this.socket.destroy();
  }

  #read(text: string): void {
    this.#rest += text;
    this.#take();
  }

  #take(): void {
    while (this.#waiting.length > 0) {
      const headEnd = this.#rest.indexOf("\r\n\r\n");
      if (headEnd === -1) break;
      const [line = "", ...lines] = this.#rest.slice(0, headEnd).split("\r\n");
      const headers = new Map(
        lines.map((text) => {
          const colon = text.indexOf(":");
          return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
        }),
      );
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
      const length = Number(headers.get("content-length"));
      if (Number.isNaN(status) || Number.isNaN(length)) {
        this.#fail(new Error(`not an answer with a length: ${JSON.stringify(this.#rest)}`));
        return;
      }
      const end = headEnd + 4 + length;
      if (this.#rest.length < end) break;
      const body = this.#rest.slice(headEnd + 4, end);
      this.#rest = this.#rest.slice(end);
      this.#waiting.shift()?.resolve({ status, headers, body });
    }
    if (this.#problem !== undefined) this.#fail(this.#problem);
  }

  #fail(problem: Error): void {
    this.#problem = problem;
    for (const { reject } of this.#waiting) reject(problem);
    this.#waiting = [];
  }
}

export function getRequest(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: gateway.example\r\n\r\n`;
}
