/**
 * What Node promises nowhere and the front door stands on: run it on every version of the matrix.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "@jest/globals";
import { HandleIo, type HandleOwner, type OwnedHandle } from "./handle-io.js";
import { detachHandle, readNow, socketOf, type TcpHandle } from "./tcp-handle.js";
import { TcpListener } from "./tcp-listener.js";

const RECEIVER = fileURLToPath(new URL("../testing/handle-receiver.mjs", import.meta.url));

let listeners: TcpListener[] = [];
let sockets: Socket[] = [];
let handles: TcpHandle[] = [];
let children: ChildProcess[] = [];

/** Two ends of a connection: a client, and the handle that was accepted. */
async function pair(host = "127.0.0.1"): Promise<[Socket, TcpHandle]> {
  const accepted: { resolve(handle: TcpHandle): void } = { resolve() {} };
  const arrival = new Promise<TcpHandle>((resolve) => {
    accepted.resolve = resolve;
  });
  const listener = await TcpListener.open({ host, port: 0, backlog: 16 }, (handle) => {
    if (handle !== undefined) accepted.resolve(handle);
  });
  listeners.push(listener);
  const client = connect({ port: listener.port, host, noDelay: true });
  sockets.push(client);
  const handle = await arrival;
  handles.push(handle);
  return [client, handle];
}

/** Reads until `length` bytes came, then stops. */
function read(handle: TcpHandle, length: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    handle.onread = function (bytes) {
      expect(this).toBe(handle);
      text += bytes === undefined ? "<end>" : Buffer.from(bytes).toString("latin1");
      if (text.length < length) return;
      handle.readStop();
      resolve(text);
    };
    handle.readStart();
  });
}

function write(client: Socket, text: string): Promise<void> {
  return new Promise((resolve) => client.write(text, () => resolve()));
}

function all(client: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    client.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    client.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    client.on("close", () => resolve(text));
  });
}

/** Some turns of the event loop: whatever would happen by itself has happened. */
async function someTurns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

function receiver(): ChildProcess {
  const child = fork(RECEIVER, [], { serialization: "advanced", execArgv: [] });
  children.push(child);
  return child;
}

function send(child: ChildProcess, message: object, handle: TcpHandle): Promise<void> {
  return new Promise((resolve) => {
    const acknowledged = ({ cmd }: { cmd?: string }): void => {
      if (cmd === "NODE_HANDLE_ACK") resolve();
    };
    (child as NodeJS.EventEmitter).on("internalMessage", acknowledged);
    child.send(message, handle as never);
  });
}

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const socket of sockets) socket.destroy();
  for (const listener of listeners) listener.close();
  for (const handle of handles) handle.close();
  [children, sockets, listeners, handles] = [[], [], [], []];
});

describe("reading now", () => {
  it("takes what has arrived and leaves the rest, the end included, to the next reader", async () => {
    const [client, handle] = await pair();
    const buffer = Buffer.alloc(4);
    expect(readNow(handle, buffer)).toBeUndefined();
    await write(client, "abcdef");
    await someTurns();
    expect([readNow(handle, buffer), buffer.toString()]).toEqual([4, "abcd"]);
    client.end();
    expect(await read(handle, 7)).toBe("ef<end>");
    expect(readNow(handle, buffer)).toBe(0);
    handle.close();
    handles = [];
    expect(readNow(handle, buffer)).toBeUndefined();
  });
});

describe("a listener", () => {
  it("hands out connections that have not been read from", async () => {
    const [client, handle] = await pair();
    await write(client, "early");
    await someTurns();
    expect(await read(handle, 5)).toBe("early");
  });

  it.each(["127.0.0.1", "::1", "localhost"])("takes a host such as %s", async (host) => {
    const [client, handle] = await pair(host);
    await write(client, "hello");
    expect(await read(handle, 5)).toBe("hello");
  });

  it("rejects with the system's error", async () => {
    await pair();
    const [{ port }] = listeners as [TcpListener];
    await expect(
      TcpListener.open({ host: "127.0.0.1", port: port, backlog: 16 }, () => {}),
    ).rejects.toMatchObject({
      code: "EADDRINUSE",
      port,
    });
    await expect(
      TcpListener.open({ host: "192.0.2.1", port: 0, backlog: 16 }, () => {}),
    ).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
    await expect(
      TcpListener.open({ host: "no.such.host.invalid", port: 0, backlog: 16 }, () => {}),
    ).rejects.toMatchObject({
      syscall: "getaddrinfo",
    });
  });

  it("can be closed twice; what it accepted lives on", async () => {
    const [client, handle] = await pair();
    const [listener] = listeners as [TcpListener];
    listener.close();
    listener.close();
    await write(client, "still here");
    expect(await read(handle, 10)).toBe("still here");
  });
});

describe("a handle", () => {
  it("reads what came, its end once, and nothing after it was stopped", async () => {
    const [client, handle] = await pair();
    await write(client, "first");
    expect(await read(handle, 5)).toBe("first");
    handle.onread = () => {
      throw new Error("read after readStop");
    };
    await write(client, "second");
    await someTurns();
    client.end();
    await someTurns();
    expect(await read(handle, "second<end>".length)).toBe("second<end>");
  });

  it("may be stopped when it was never started, and from inside a read", async () => {
    const [client, handle] = await pair();
    expect(handle.readStop()).toBe(0);
    await write(client, "x");
    expect(await read(handle, 1)).toBe("x");
    expect(handle.readStop()).toBe(0);
  });

  it("says the end also when the peer reset the connection", async () => {
    const [client, handle] = await pair();
    await write(client, "abc");
    expect(await read(handle, 3)).toBe("abc");
    client.resetAndDestroy();
    expect(await read(handle, 5)).toBe("<end>");
  });

  it("answers as a socket, which takes it over", async () => {
    const [client, handle] = await pair();
    handles.pop();
    const received = all(client);
    await write(client, "request");
    const socket = socketOf(handle);
    socket.resume();
    socket.end("answer");
    expect(await received).toBe("answer");
  });
});

/** Writes down what happens on a handle, and can be waited for. */
class Owner implements HandleOwner {
  readonly heard: string[] = [];
  bytesRead = 0;
  text = "";

  read(bytes: Buffer | undefined): void {
    if (bytes === undefined) this.heard.push("end");
    else this.text += bytes.toString("latin1");
  }

  written(): void {
    this.heard.push("written");
  }

  writeFailed(): void {
    this.heard.push("failed");
  }

  ended(): void {
    this.heard.push("ended");
  }

  closed(): void {
    this.heard.push("closed");
  }

  async until(what: string): Promise<void> {
    while (!this.heard.includes(what)) await someTurns();
  }
}

/** More than the kernels of both sides take from one write. */
const TOO_MUCH = Buffer.alloc(32 * 1024 * 1024, "x");

describe("a handle with an owner", () => {
  const io = new HandleIo();

  async function owned(): Promise<[Socket, OwnedHandle, Owner]> {
    const [client, handle] = await pair();
    const owner = new Owner();
    return [client, io.own(handle, owner), owner];
  }

  /** For a test that closes it. */
  function close(handle: OwnedHandle): void {
    handles.splice(handles.indexOf(handle), 1);
    io.close(handle);
  }

  it("reads once it is told to", async () => {
    const [client, handle, owner] = await owned();
    await write(client, "hello");
    await someTurns();
    expect(owner.text).toBe("");
    io.start(handle);
    client.end();
    await owner.until("end");
    expect(owner).toMatchObject({ text: "hello", heard: ["end"] });
  });

  it("has no property of its own more than any handle, and reads into memory of its own each time", async () => {
    const [client, handle, owner] = await owned();
    const [, bare] = await pair();
    expect(Reflect.ownKeys(handle)).toEqual(Reflect.ownKeys(bare));
    const reads: (Buffer | undefined)[] = [];
    owner.read = (bytes) => reads.push(bytes);
    io.start(handle);
    for (const text of ["one", "two"]) {
      await write(client, text);
      while (reads.length < (text === "one" ? 1 : 2)) await someTurns();
    }
    expect(reads.map(String)).toEqual(["one", "two"]);
  });

  it("reads what came and nothing else, however much comes at once, also after others have read", async () => {
    const [client, bare] = await pair();
    await write(client, "head");
    await read(bare, 4);
    const owner = new Owner();
    const handle = io.own(bare, owner);
    let expected = "";
    for (let i = 1; i <= 60; i++) {
      const text = String.fromCharCode(32 + i).repeat(i * 1_117);
      expected += text;
      await write(client, text);
      // Until now the kernel has it all, so that it comes in one piece.
      io.start(handle);
      while (owner.text.length < expected.length) await someTurns();
      handle.readStop();
    }
    expect(owner.text).toBe(expected);
  });

  it("brings at most 128 KiB and one read in a turn, all of it in order, also while it is closed", async () => {
    const [client, handle, owner] = await owned();
    const sent = Buffer.alloc(4 * 1024 * 1024, "0123456789abcdef");
    client.write(sent);
    // The kernel has all that it takes: more than one turn may bring.
    await someTurns();
    const turns: number[] = [0];
    const came: Buffer[] = [];
    let whole = 0;
    owner.read = (bytes) => {
      if (bytes === undefined) return;
      came.push(bytes);
      whole += bytes.length;
      turns.push((turns.pop() ?? 0) + bytes.length);
    };
    const count = (): void => {
      turns.push(0);
      if (whole < sent.length) setImmediate(count);
    };
    setImmediate(count);
    io.start(handle);
    while (whole < sent.length) await someTurns();
    expect(Buffer.concat(came).equals(sent)).toBe(true);
    expect(Math.max(...turns)).toBeLessThan((128 + 64) * 1024);
    // It is stopped when it is closed: starting it again is of no effect. The client hears a reset.
    client.on("error", () => {});
    client.write(sent);
    await someTurns();
    close(handle);
    await someTurns();
    expect(owner.heard).toEqual(["closed"]);
  });

  it("writes at once what the kernel takes, many times with one request", async () => {
    const [client, handle, owner] = await owned();
    const received = all(client);
    for (let i = 0; i < 1_000; i++) expect(io.write(handle, Buffer.from(`${i} `))).toBe("taken");
    expect(io.writeAll(handle, [Buffer.from("a"), Buffer.from("b")])).toBe("taken");
    expect(io.end(handle)).toBe(true);
    await owner.until("ended");
    close(handle);
    expect(await received).toBe(`${Array.from({ length: 1_000 }, (_, i) => `${i} `).join("")}ab`);
    await owner.until("closed");
    expect(owner.heard).toEqual(["ended", "closed"]);
  });

  it("says when the kernel has taken the rest, keeps the order, and uses no request again that went on", async () => {
    const [first, second] = [await owned(), await owned()];
    const received = [first, second].map(([client]) => {
      client.pause();
      return { client, text: all(client.pause()) };
    });
    for (const [, handle] of [first, second]) {
      expect(io.write(handle, TOO_MUCH)).toBe("waiting");
      expect(handle.writeQueueSize).toBeGreaterThan(0);
      expect(io.writeAll(handle, [Buffer.from("and "), Buffer.from("more")])).toBe("waiting");
      expect(io.end(handle)).toBe(true);
    }
    for (const { client } of received) client.resume();
    for (const [, handle, owner] of [first, second]) {
      await owner.until("ended");
      expect(owner.heard).toEqual(["written", "written", "ended"]);
      expect(handle.writeQueueSize).toBe(0);
      close(handle);
    }
    for (const { text } of received) expect((await text).length).toBe(TOO_MUCH.length + "and more".length);
  });

  it("says that a write is lost, and is closed only by its owner, once", async () => {
    const [client, handle, owner] = await owned();
    client.pause();
    expect(io.write(handle, TOO_MUCH)).toBe("waiting");
    client.resetAndDestroy();
    await owner.until("failed");
    expect(io.write(handle, Buffer.from("x"))).toBe("broken");
    expect(owner.heard).toEqual(["failed"]);
    close(handle);
    await owner.until("closed");
    expect(owner.heard).toEqual(["failed", "closed"]);
  });

  it("fails what waits when it is closed", async () => {
    const [client, handle, owner] = await owned();
    client.pause();
    io.write(handle, TOO_MUCH);
    close(handle);
    expect(owner.heard).toEqual([]);
    await owner.until("closed");
    expect(owner.heard.toSorted()).toEqual(["closed", "failed"]);
  });

  it("may come out of a socket, which then lives on without it", async () => {
    const [client, bare] = await pair();
    const socket = socketOf(bare);
    await new Promise<void>((resolve) => socket.write("from the socket, ", () => resolve()));
    const handle = detachHandle(socket);
    expect(handle).toBe(bare);
    expect(detachHandle(socket)).toBeUndefined();
    const owner = new Owner();
    const own = io.own(bare, owner);
    io.start(own);
    const received = all(client);
    client.write("to the owner");
    while (owner.text === "") await someTurns();
    expect(io.write(own, Buffer.from("from the owner"))).toBe("taken");
    close(own);
    expect(await received).toBe("from the socket, from the owner");
    socket.destroy();
    await once(socket, "close");
  });
});

describe("a handle that goes to another process", () => {
  it("takes along all that arrived after it was stopped, before and after it was sent", async () => {
    const child = receiver();
    const [client, handle] = await pair();
    const received = all(client);
    await write(client, "head");
    expect(await read(handle, 4)).toBe("head");
    await write(client, "a".repeat(1_000));
    await someTurns();
    const sent = send(child, {}, handle);
    await write(client, "b".repeat(200_000));
    client.end("end");
    const [{ text }] = (await once(child, "message")) as [{ text: string }];
    expect(text).toBe(`${"a".repeat(1_000)}${"b".repeat(200_000)}end`);
    await sent;
    handle.close();
    handles.pop();
    expect(await received).toBe("got 201003");
  });

  it("lives on there when it is closed here", async () => {
    const child = receiver();
    const [client, handle] = await pair();
    const received = all(client);
    await send(child, {}, handle);
    handle.close();
    handles.pop();
    await someTurns();
    client.end("after");
    expect(await received).toBe("got 5");
  });

  it("lives on here when that process is killed, and can go to yet another", async () => {
    const [first, second] = [receiver(), receiver()];
    const [client, handle] = await pair();
    const received = all(client);
    await write(client, "unread");
    const held = once(first, "message");
    await send(first, { hold: true }, handle);
    await held;
    first.kill("SIGKILL");
    await once(first, "close");
    await send(second, {}, handle);
    handle.close();
    handles.pop();
    client.end(", all of it");
    expect(await received).toBe("got 17");
  });

  it("may be reset by the peer on the way: that process sees it", async () => {
    const child = receiver();
    const [client, handle] = await pair();
    client.resetAndDestroy();
    await once(client, "close");
    const seen = once(child, "message");
    await send(child, {}, handle);
    const [{ t }] = (await seen) as [{ t: string }];
    expect(["error", "read"]).toContain(t);
  });
});
