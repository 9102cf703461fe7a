/**
 * The SDK's way over an event stream, as far as tests need it: `POST /sse` opens it with commands, `POST
 * /send` sends more, and replies come on the stream.
 */
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { eventually, within } from "./deadline.js";
import { EventParser } from "./sse-watcher.js";

interface Welcome {
  readonly sid: string;
  readonly resumeToken: string;
}

export class CommandStream {
  /** In the order of their coming, one JSON value each. */
  readonly frames: Readonly<Record<string, unknown>>[] = [];
  readonly #outgoing: ClientRequest;
  #welcome: Welcome | undefined;

  private constructor(port: number) {
    const body = '{"id":1,"connect":{}}';
    this.#outgoing = request({
      port,
      host: "127.0.0.1",
      path: "/sse",
      method: "POST",
      agent: false,
      headers: { "Content-Length": body.length },
    });
    this.#outgoing.on("error", () => {});
    this.#outgoing.on("response", (answer: IncomingMessage) => {
      const parser = new EventParser();
      answer.on("error", () => {});
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        for (const { data, event } of parser.push(chunk)) {
          if (data !== undefined && event === undefined)
            this.frames.push(...data.split("\n").map((line) => JSON.parse(line)));
        }
      });
    });
    this.#outgoing.end(body);
  }

  static async open(port: number): Promise<CommandStream> {
    const stream = new CommandStream(port);
    const reply = await stream.reply(1);
    stream.#welcome = reply.connect as Welcome;
    return stream;
  }

  get sid(): string {
    return this.#welcome?.sid ?? "";
  }

  /** The reply to the command with this id, past or future. */
  reply(id: number): Promise<Readonly<Record<string, unknown>>> {
    return eventually(`a reply to command ${id}`, () => this.frames.find((frame) => frame.id === id));
  }

  /** Returns the status of the answer. */
  async send(port: number, ...commands: readonly object[]): Promise<number> {
    const { sid, resumeToken: token } = this.#welcome ?? {};
    const answered = fetch(`http://127.0.0.1:${port}/send?sid=${sid}`, {
      method: "POST",
      body: JSON.stringify({ sid, token, commands }),
    });
    const answer = await within(answered, "an answer to /send");
    await answer.arrayBuffer();
    return answer.status;
  }

  close(): void {
    this.#outgoing.destroy();
  }
}
