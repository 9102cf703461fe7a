/**
 * "Any Redis client in any language": PUBLISH in forty lines on a bare TCP socket.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { within } from "./deadline.js";

export class RedisPublisher {
  readonly #socket: Socket;
  readonly #waiting: ((reply: string) => void)[] = [];
  #rest = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const lines = (this.#rest + chunk.toString("latin1")).split("\r\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#waiting.shift()?.(line);
    });
  }

  static async connect(port: number): Promise<RedisPublisher> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RedisPublisher(socket);
  }

  /** Resolves with how many subscribers Redis gave it to. */
  async publish(channel: string, payload: string | Buffer): Promise<number> {
    const words = [Buffer.from("PUBLISH"), Buffer.from(channel), Buffer.from(payload)];
    const parts = words.flatMap((word) => [Buffer.from(`$${word.length}\r\n`), word, Buffer.from("\r\n")]);
    const reply = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.#socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]));
    const line = await within(reply, `an answer of Redis to PUBLISH ${channel}`);
    if (!line.startsWith(":")) throw new Error(`Redis answered ${line}`);
    return Number(line.slice(1));
  }

  close(): void {
    this.#socket.destroy();
  }
}
