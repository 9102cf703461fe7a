/**
 * Ports without a listener, for tests that cannot let the gateway choose: ranges, and an address to come back
 * to.
 *
 * Below the kernel's range for outgoing connections (from 32768 on Linux), where a test's thousands of
 * clients live.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const LOWEST = 12_000;
const HIGHEST = 32_000;

/** The first of `count` neighbouring free ports. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => listen(first + index)));
    const taken = servers.filter((server) => server !== undefined);
    await Promise.all(taken.map((server) => new Promise((resolve) => server.close(resolve))));
    if (taken.length === count) return first;
  }
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return server;
  } catch {
    return undefined;
  }
}
