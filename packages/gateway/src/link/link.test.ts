import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { LINK_SHARES, Link } from "./link.js";

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

  it("writes what one callback sends at once, and what promises bring behind it at once, too", async () => {
    const [near, far] = await pair();
    const inbox = new Inbox();
    const written: string[] = [];
    const write = near.write.bind(near);
    near.write = (text: string) => write(written[written.push(text) - 1] as string);
    const link = new Link<Note, Note>(near, { message() {}, closed() {} });
    new Link<Note, Note>(far, inbox);
    for (let i = 0; i < 64; i++) link.send({ text: `${i}` });
    for (let i = 64; i < 128; i++) void Promise.resolve().then(() => link.send({ text: `${i}` }));
    await inbox.until(() => inbox.messages.length === 128);
    expect(inbox.messages.map(({ text }) => text)).toEqual(Array.from({ length: 128 }, (_, i) => `${i}`));
    expect(written.length).toBeLessThanOrEqual(3);
  });

  it("lets go what is due when it closes in the same callback", async () => {
    const [near, far] = await pair();
    await new Promise((resolve) => (near.connecting ? near.once("connect", resolve) : resolve(undefined)));
    const inbox = new Inbox();
    const link = new Link<Note, Note>(near, { message() {}, closed() {} });
    new Link<Note, Note>(far, inbox);
    link.send({ text: "last" });
    link.close();
    await inbox.until(() => inbox.closings.length > 0);
    expect(inbox.messages).toEqual([{ text: "last" }]);
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

  it("refuses what finds no room, bulk before control, and goes on when the other side reads", async () => {
    const [near, far] = await pair();
    far.pause();
    let drained = 0;
    const link = new Link<Note, Note>(
      near,
      { message() {}, drained: () => drained++, closed() {} },
      { maxBufferedBytes: 1_000_000 },
    );
    const inbox = new Inbox();
    new Link<Note, Note>(far, inbox);
    far.pause();
    let taken = 0;
    while (link.send({ text: "x".repeat(50_000) }, LINK_SHARES.publications)) taken++;
    expect(link.send({ text: "bulk" }, LINK_SHARES.requests)).toBe(false);
    expect(link.send({ text: "order" }, LINK_SHARES.answers)).toBe(true);
    expect(link.send({ text: "control" })).toBe(true);
    expect(link.fill).toBeLessThan(0.5);
    far.resume();
    await inbox.until(() => inbox.messages.length === taken + 2);
    expect(inbox.messages.slice(-2)).toEqual([{ text: "order" }, { text: "control" }]);
    while (drained === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(link.send({ text: "bulk" }, LINK_SHARES.requests)).toBe(true);
    expect(inbox.closings).toEqual([]);
  });

  it("lets what is urgent pass all that waits, and publications pass pages, which go on all the same", async () => {
    const [near, far] = await pair();
    const link = new Link<Note, Note>(near, { message() {}, closed() {} });
    const inbox = new Inbox();
    new Link<Note, Note>(far, inbox);
    far.pause();
    const page = "p".repeat(300_000);
    // More than the stream and the kernel take at once.
    const before = 40;
    for (let i = 0; i < before; i++) link.send({ text: `${page}${i}` }, LINK_SHARES.answers);
    const publications = Array.from({ length: 20 }, (_, i) => `n${i}-${"x".repeat(100_000)}`);
    for (const text of publications) link.send({ text }, LINK_SHARES.publications);
    for (const text of ["small answer", "small answer 2"]) link.send({ text }, LINK_SHARES.answers);
    link.send({ text: "probe" }, LINK_SHARES.urgent);
    expect(link.fill).toBeGreaterThan(0.2);
    far.resume();
    await inbox.until(() => inbox.messages.length === before + publications.length + 3);
    const texts = inbox.messages.map(({ text }) => text);
    const pages = texts.filter((text) => text.startsWith("p") && text !== "probe");
    expect(pages).toEqual(Array.from({ length: before }, (_, i) => `${page}${i}`));
    const rest = texts.filter((text) => /^[ns]/.test(text));
    expect(rest).toEqual([...publications, "small answer", "small answer 2"]);
    const taken = texts.indexOf("probe");
    expect(taken).toBeLessThan(before / 2);
    // Both kinds wait: neither has more of the link than the other.
    const last = texts.indexOf("small answer 2");
    const pagesMeanwhile = texts.slice(taken, last).filter((text) => text.startsWith("p")).length - 1;
    expect(pagesMeanwhile).toBeGreaterThan(3);
    expect(pagesMeanwhile).toBeLessThan(10);
    expect(link.fill).toBe(0);
  });

  it("refuses to send a message beyond the limit, counted in bytes", async () => {
    const [near, far] = await pair();
    const inbox = new Inbox();
    const link = new Link<Note, Note>(near, inbox, { maxMessageBytes: 100 });
    new Link<Note, Note>(far, inbox);
    expect(link.send({ text: "x".repeat(100) })).toBe(false);
    expect(link.send({ text: "🌊".repeat(25) })).toBe(false);
    expect(link.send({ text: "ü".repeat(40) })).toBe(true);
    await inbox.until(() => inbox.messages.length === 1);
    expect(inbox.closings).toEqual([]);
  });

  it.each([
    ["in one piece", 1],
    ["in many pieces", 7],
  ])("leaves out a message beyond the limit that comes %s, and goes on with the next", async (_, pieces) => {
    const [near, far] = await pair();
    near.setNoDelay();
    const inbox = new Inbox();
    let oversized = 0;
    new Link<Note, Note>(
      far,
      {
        message: (each) => inbox.message(each),
        oversized: () => oversized++,
        closed: (each) => inbox.closed(each),
      },
      { maxMessageBytes: 100 },
    );
    const bytes = Buffer.from(`{"text":"${"x".repeat(500)}"}\n{"text":"next"}\n`);
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size)
      await new Promise((resolve) => near.write(bytes.subarray(at, at + size), resolve));
    await inbox.until(() => inbox.messages.length === 1);
    expect(inbox.messages).toEqual([{ text: "next" }]);
    expect(oversized).toBe(1);
    expect(inbox.closings).toEqual([]);
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
    expect(link.send({ text: "too late" })).toBe(false);
    await farInbox.until(() => farInbox.closings.length > 0);
    expect(nearInbox.closings).toEqual([undefined]);
    expect(farInbox.closings).toEqual([undefined]);
    expect(farInbox.messages).toEqual([]);
  });
});
