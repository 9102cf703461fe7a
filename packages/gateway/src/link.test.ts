import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { Link, LinkOverflow } from "./link.js";

interface Note {
  readonly text: string;
}

/** Two ends of a real socket. */
async function socketPair(server: Server): Promise<[Socket, Socket]> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const { port } = server.address() as { port: number };
  return [connect(port, "127.0.0.1"), await accepted];
}

/** A link's other side, with a queue to wait on. */
class Inbox {
  readonly messages: Note[] = [];
  readonly closings: (Error | undefined)[] = [];
  #wake: (() => void) | undefined;

  message(message: Note): void {
    this.messages.push(message);
    this.#wake?.();
  }

  closed(problem?: Error): void {
    this.closings.push(problem);
    this.#wake?.();
  }

  async until(met: () => boolean): Promise<void> {
    while (!met())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

describe("a link", () => {
  const server = createServer();
  let sockets: Socket[] = [];

  async function pair(): Promise<[Socket, Socket]> {
    const both = await socketPair(server);
    sockets = both;
    return both;
  }

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it("delivers messages whole and in order, newlines and all", async () => {
    const [near, far] = await pair();
    const inbox = new Inbox();
    const link = new Link<Note, Note>(near, { message() {}, closed() {} });
    new Link<Note, Note>(far, inbox);
    const texts = ["", "a\nb", "ü🌊", "x".repeat(300_000), "last"];
    for (const text of texts) link.send({ text });
    await inbox.until(() => inbox.messages.length === texts.length);
    expect(inbox.messages.map(({ text }) => text)).toEqual(texts);
  });

  it("puts a message together from any pieces, also inside a character", async () => {
    const [near, far] = await pair();
    near.setNoDelay();
    const inbox = new Inbox();
    new Link<Note, Note>(far, inbox);
    const bytes = Buffer.from('{"text":"ü"}\n{"text":"second"}\n');
    for (const byte of bytes) {
      await new Promise((resolve) => near.write(Buffer.of(byte), resolve));
    }
    await inbox.until(() => inbox.messages.length === 2);
    expect(inbox.messages).toEqual([{ text: "ü" }, { text: "second" }]);
  });

  it("closes when the other side does not read", async () => {
    const [near, far] = await pair();
    far.pause();
    const inbox = new Inbox();
    const link = new Link<Note, Note>(near, inbox, { maxBufferedBytes: 1_000_000 });
    for (let i = 0; i < 100 && inbox.closings.length === 0; i++) link.send({ text: "x".repeat(100_000) });
    await inbox.until(() => inbox.closings.length > 0);
    expect(inbox.closings).toEqual([expect.any(LinkOverflow)]);
  });

  it("closes on a message beyond the limit", async () => {
    const [near, far] = await pair();
    const inbox = new Inbox();
    new Link<Note, Note>(far, inbox, { maxMessageBytes: 100 });
    near.write("x".repeat(200));
    await inbox.until(() => inbox.closings.length > 0);
    expect(inbox.closings).toEqual([expect.any(LinkOverflow)]);
  });

  it("closes on what is not a message", async () => {
    const [near, far] = await pair();
    const inbox = new Inbox();
    new Link<Note, Note>(far, inbox);
    near.write('{"text":"good"}\nnonsense\n{"text":"never read"}\n');
    await inbox.until(() => inbox.closings.length > 0);
    expect(inbox.messages).toEqual([{ text: "good" }]);
    expect(inbox.closings).toEqual([expect.any(SyntaxError)]);
  });

  it("says once that it closed, and sends nothing any more", async () => {
    const [near, far] = await pair();
    const nearInbox = new Inbox();
    const farInbox = new Inbox();
    const link = new Link<Note, Note>(near, nearInbox);
    new Link<Note, Note>(far, farInbox);
    link.close();
    link.close();
    link.send({ text: "too late" });
    await farInbox.until(() => farInbox.closings.length > 0);
    expect(nearInbox.closings).toEqual([undefined]);
    expect(farInbox.closings).toEqual([undefined]);
    expect(farInbox.messages).toEqual([]);
  });
});
