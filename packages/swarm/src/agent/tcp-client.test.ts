/** What the swarm relies on and Node does not document. */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type OutgoingHandle, TcpClient, type TcpEvents } from "./tcp-client.js";

interface Happening {
  readonly what: "opened" | "received" | "ended";
  readonly seat: number;
  readonly said?: string | undefined;
}

class Watcher implements TcpEvents {
  readonly happenings: Happening[] = [];
  #wake = (): void => {};

  opened({ seat }: OutgoingHandle, said: string | undefined): void {
    this.#add({ what: "opened", seat, said });
  }

  received({ seat }: OutgoingHandle, bytes: Uint8Array<ArrayBuffer>): void {
    this.#add({ what: "received", seat, said: Buffer.from(bytes).toString("latin1") });
  }

  ended({ seat }: OutgoingHandle): void {
    this.#add({ what: "ended", seat });
  }

  async next(): Promise<Happening> {
    for (;;) {
      const first = this.happenings.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #add(happening: Happening): void {
    this.happenings.push(happening);
    this.#wake();
  }
}

let server: Server;
let port: number;
const accepted: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => socket.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as { port: number }).port;
});
afterEach(() => {
  for (const socket of accepted.splice(0)) socket.destroy();
  server.close();
});

function opened(client: TcpClient, seat: number, source?: string): OutgoingHandle {
  const handle = client.open(seat, source, "127.0.0.1", port);
  if (typeof handle === "string") throw new Error(handle);
  return handle;
}

describe("a bare connection", () => {
  test("connects from the source that was named, writes bytes and reads them", async () => {
    const watcher = new Watcher();
    const client = await TcpClient.create(watcher);
    const handle = opened(client, 7, "127.0.3.4");
    expect(await watcher.next()).toEqual({ what: "opened", seat: 7, said: undefined });
    client.read(handle);
    expect(client.write(handle, "\x89\xff")).toBe(true);
    expect(await watcher.next()).toEqual({ what: "received", seat: 7, said: "\x89\xff" });
    expect(accepted[0]?.remoteAddress).toBe("127.0.3.4");
    handle.close();
  });

  test("a refusal is told by its code", async () => {
    const watcher = new Watcher();
    const client = await TcpClient.create(watcher);
    await new Promise((resolve) => server.close(resolve));
    const handle = opened(client, 1);
    expect(await watcher.next()).toEqual({ what: "opened", seat: 1, said: "ECONNREFUSED" });
    handle.close();
  });

  test("an address that is not ours fails at once, by its code", async () => {
    const client = await TcpClient.create(new Watcher());
    expect(client.open(1, "192.0.2.1", "127.0.0.1", port)).toBe("EADDRNOTAVAIL");
  });

  test("the peer's end is told, by a FIN and by a reset", async () => {
    const watcher = new Watcher();
    const client = await TcpClient.create(watcher);
    for (const end of ["destroy", "resetAndDestroy"] as const) {
      const handle = opened(client, 2);
      expect((await watcher.next()).what).toBe("opened");
      client.read(handle);
      client.write(handle, "x");
      expect((await watcher.next()).what).toBe("received");
      accepted.at(-1)?.[end]();
      expect(await watcher.next()).toEqual({ what: "ended", seat: 2 });
      handle.close();
    }
  });

  test("reset() is seen as such by the peer", async () => {
    const watcher = new Watcher();
    const client = await TcpClient.create(watcher);
    const handle = opened(client, 3);
    expect((await watcher.next()).what).toBe("opened");
    client.read(handle);
    client.write(handle, "x");
    expect((await watcher.next()).what).toBe("received");
    const code = new Promise<string | undefined>((resolve) => {
      accepted.at(-1)?.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(handle.reset()).toBe(0);
    expect(await code).toBe("ECONNRESET");
  });

  test("more than the kernel takes at once is written all the same", async () => {
    const watcher = new Watcher();
    const client = await TcpClient.create(watcher);
    const handle = opened(client, 4);
    expect((await watcher.next()).what).toBe("opened");
    client.read(handle);
    const size = 8 * 1024 * 1024;
    expect(client.write(handle, "x".repeat(size))).toBe(true);
    let received = 0;
    while (received < size) received += (await watcher.next()).said?.length ?? 0;
    expect(received).toBe(size);
    handle.close();
  });
});
