/**
 * What Node promises nowhere and the pipe for handles stands on: run it on every version of the matrix.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { HandlePipe } from "./handle-pipe.js";
import { socketOf, type TcpHandle } from "./tcp-handle.js";
import { TcpListener } from "./tcp-listener.js";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** One end of a pipe, and what came on it. */
class End {
  readonly handles: TcpHandle[] = [];
  readonly unsent: TcpHandle[] = [];
  readonly pipe: HandlePipe;
  readonly shell: Socket;
  text = "";
  ended = 0;

  constructor(shell: Socket) {
    this.shell = shell;
    this.pipe = new HandlePipe(shell, {
      came: (bytes, handle) => {
        this.text += bytes.toString("latin1");
        if (handle !== undefined) this.handles.push(handle);
      },
      unsent: (handle) => this.unsent.push(handle),
      ended: () => this.ended++,
    });
    ends.push(() => this.pipe.close());
  }
}

/** Both ends of a pipe, in this process. */
async function pipe(): Promise<[End, End]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pipe-"));
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, "s"));
  await once(server, "listening");
  const near = connect(join(folder, "s"));
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], []];
  server.close();
  rmSync(folder, { recursive: true, force: true });
  return [new End(near), new End(far)];
}

/** Handles as they are accepted, and their clients. */
async function accepted(count: number): Promise<[TcpHandle[], Socket[]]> {
  const handles: TcpHandle[] = [];
  const listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 64 }, (handle) => {
    if (handle !== undefined) handles.push(handle);
  });
  ends.push(() => listener.close());
  const clients: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const client = connect(listener.port, "127.0.0.1");
    clients.push(client);
    ends.push(() => client.destroy());
    await until(() => handles.length === i + 1);
  }
  return [handles, clients];
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setImmediate(resolve));
}

describe("a pipe for handles", () => {
  it("carries many at once, in order, each with its text, and their copies live on", async () => {
    const [near, far] = await pipe();
    const [handles, clients] = await accepted(20);
    for (const [i, handle] of handles.entries()) near.pipe.send(`${i}:\xff\0;`, handle);
    await until(() => far.handles.length === 20);
    expect(far.text).toBe(handles.map((_, i) => `${i}:\xff\0;`).join(""));
    for (const handle of handles) handle.close();
    for (const [i, handle] of far.handles.entries()) socketOf(handle).end(`hello ${i}`);
    const said = await Promise.all(clients.map(async (client) => String(...(await once(client, "data")))));
    expect(said).toEqual(clients.map((_, i) => `hello ${i}`));
    expect(near.unsent).toEqual([]);
  });

  it("carries text of any length with one, and text alone both ways", async () => {
    const [near, far] = await pipe();
    const [[handle]] = (await accepted(1)) as [[TcpHandle], Socket[]];
    const long = "0123456789".repeat(50_000);
    near.pipe.send(long, handle);
    near.pipe.say("!");
    far.pipe.say("yes");
    await until(() => far.text.length > long.length && near.text === "yes");
    expect(far.text === `${long}!`).toBe(true);
    expect(far.handles).toHaveLength(1);
    handle.close();
    for (const each of far.handles) each.close();
  });

  it("says what it could not send, later, and goes on", async () => {
    const [near, far] = await pipe();
    const [[closed, handle]] = (await accepted(2)) as [[TcpHandle, TcpHandle], Socket[]];
    closed.close();
    near.pipe.send("lost", closed);
    expect(near.unsent).toEqual([]);
    near.pipe.send("sent", handle);
    await until(() => far.handles.length === 1 && near.unsent.length === 1);
    expect(near.unsent).toEqual([closed]);
    expect(far.text).toBe("sent");
    handle.close();
    for (const each of far.handles) each.close();
  });

  it("ends once at one end when the other closes, after all that was said, and nothing is unsent", async () => {
    const [near, far] = await pipe();
    const [[handle]] = (await accepted(1)) as [[TcpHandle], Socket[]];
    far.pipe.say("last words");
    far.pipe.close();
    far.pipe.close();
    far.pipe.say("never");
    await until(() => near.ended === 1);
    near.pipe.send("into the void", handle);
    expect([near.text, near.ended, far.ended]).toEqual(["last words", 1, 0]);
    expect(near.unsent).toEqual([]);
    handle.close();
  });

  it("ends once where the socket that it was opened by fails", async () => {
    const [near, far] = await pipe();
    near.shell.destroy(new Error("broken"));
    await new Promise((resolve) => near.shell.once("close", resolve));
    near.pipe.close();
    expect(near.ended).toBe(1);
    while (far.ended === 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it("keeps a child process from being closed before all that it said was heard", async () => {
    const script = `require("fs").writeSync(3, "said by a child")`;
    const child: ChildProcess = spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    const end = new End(child.stdio[3] as Socket);
    await once(child, "close");
    expect([end.text, end.ended]).toEqual(["said by a child", 1]);
  });
});
