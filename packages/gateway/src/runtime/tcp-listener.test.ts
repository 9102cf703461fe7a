import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { ListenHandle, TcpHandle } from "./tcp-handle.js";
import { ACCEPTING, TcpListener } from "./tcp-listener.js";

const ECHO = fileURLToPath(new URL("../testing/handle-echo.mjs", import.meta.url));

let child: ChildProcess;
let listener: TcpListener;
let accepted: TcpHandle[];
const clients: Socket[] = [];

async function open(): Promise<void> {
  accepted = [];
  child = fork(ECHO, [], { serialization: "advanced", execArgv: [] });
  listener = await TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 64 }, (handle) => {
    if (handle !== undefined) accepted.push(handle);
  });
}

/** Sends the handle to the other process, which sends it back. */
async function copy(): Promise<void> {
  const { uncopied } = listener;
  if (uncopied === undefined) throw new Error("has a copy");
  child.send({}, uncopied as never);
  const [, handle] = (await once(child, "message")) as [object, ListenHandle];
  listener.copied(handle);
}

/** All the copies that it wants. */
async function copyAll(): Promise<void> {
  while (listener.uncopied !== undefined) await copy();
}

/** As many connect, and end, while the event loop of this process stands still. */
function comeAndGo(count: number): void {
  const script = `
    let connected = 0;
    for (let i = 0; i < ${count}; i++)
      require("node:net").connect(${listener.port}, "127.0.0.1", () => {
        if (++connected === ${count}) process.exit(0);
      });`;
  expect(spawnSync(process.execPath, ["-e", script]).status).toBe(0);
}

async function come(): Promise<Socket> {
  const client = connect(listener.port, "127.0.0.1");
  clients.push(client);
  await once(client, "connect");
  return client;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A connection may stay unaccepted and be reset, or be refused: the second must come. */
async function untilRefused(port: number): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    const client = connect(port, "127.0.0.1");
    clients.push(client);
    const [error] = (await Promise.race([once(client, "error"), once(client, "connect")])) as [
      NodeJS.ErrnoException | undefined,
    ];
    if (error?.code === "ECONNREFUSED") return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("somebody still listens");
}

afterEach(() => {
  child.kill("SIGKILL");
  listener.close();
  for (const handle of accepted) handle.close();
  for (const client of clients.splice(0)) client.destroy();
});

describe("a listener that can pause", () => {
  it("leaves new connections to the backlog meanwhile, and loses none, time after time", async () => {
    await open();
    for (let round = 1; round <= 3; round++) {
      await copy();
      expect(listener.pause()).toBe(true);
      expect(listener.paused).toBe(true);
      const [first, second] = [await come(), await come()];
      await new Promise((resolve) => first.write("early", resolve));
      second.write("x");
      // A connection that is answered elsewhere proves that the loop had its chance to accept.
      child.send({ echo: round });
      await once(child, "message");
      expect(accepted).toHaveLength((round - 1) * 3);
      listener.resume();
      await until(() => accepted.length === (round - 1) * 3 + 2);
      await come();
      await until(() => accepted.length === round * 3);
    }
  });

  it("goes on accepting while it has no copy", async () => {
    await open();
    expect(listener.pause()).toBe(false);
    await come();
    await until(() => accepted.length === 1);
  });

  it("takes a connection a turn from each of its descriptors, and from none in a pause", async () => {
    await open();
    await copyAll();
    comeAndGo(3 * ACCEPTING);
    await new Promise((resolve) => setImmediate(resolve));
    await until(() => accepted.length > 0);
    expect(accepted.length).toBeGreaterThanOrEqual(ACCEPTING);
    await until(() => accepted.length === 3 * ACCEPTING);
    expect(listener.pause()).toBe(true);
    comeAndGo(2);
    child.send({ echo: 1 });
    await once(child, "message");
    expect(accepted).toHaveLength(3 * ACCEPTING);
    listener.resume();
    await until(() => accepted.length === 3 * ACCEPTING + 2);
  });

  it("closes a copy that it did not want", async () => {
    await open();
    await copyAll();
    let closed = 0;
    const surplus = { close: () => closed++ } as unknown as ListenHandle;
    listener.copied(surplus);
    listener.pause();
    listener.copied(surplus);
    listener.close();
    listener.copied(surplus);
    expect(closed).toBe(3);
  });

  it("leaves no listener when it is closed, paused or not", async () => {
    await open();
    await copyAll();
    listener.pause();
    listener.close();
    // The other process lets go of its copy a moment after it sent one back: until then connections are
    // reset.
    await untilRefused(listener.port);
  });
});
