import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RunOrder } from "../run/steering.js";
import { AgentHost } from "./agent-host.js";
import { MAX_HANDSHAKES_OF_ADDRESS } from "./handshakes.js";
import { Hosts } from "./hosts.js";
import { askHost, type Pass, visitHost } from "./visit-host.js";

const KEY = "a key of the swarm, long enough";
const PASS: Pass = { key: KEY, version: "1.2.3" };

let host: AgentHost;
let log: string[];
let hosts: Hosts | undefined;

beforeEach(async () => {
  log = [];
  const listen = { host: "127.0.0.1", port: 0 };
  host = await AgentHost.listen({ listen, key: KEY, version: "1.2.3", log: (line) => log.push(line) });
});
afterEach(async () => {
  hosts?.close();
  hosts = undefined;
  await host.close();
});

function join(take: (order: RunOrder) => Promise<string> = async () => "done"): Promise<Hosts> {
  return Hosts.connect([host.address], PASS, "abc", take);
}

/** Resolves when the host's log has such a line. */
async function logged(text: string): Promise<void> {
  while (!log.some((line) => line.includes(text))) await new Promise((resolve) => setTimeout(resolve, 5));
}

const NOTHING = { message: () => {}, ended: () => {} };

describe("a visitor", () => {
  test("with another key is refused, and both sides know why", async () => {
    const wrong = askHost(host.address, { ...PASS, key: "another key, as long as it" }, { order: "status" });
    await expect(wrong).rejects.toThrow("its key is another one: give both the same");
    await logged("127.0.0.1 has not the key");
  });

  test("of another version is told both", async () => {
    const wrong = askHost(host.address, { ...PASS, version: "1.3.0" }, { order: "status" });
    await expect(wrong).rejects.toThrow(
      "the agent is version 1.2.3 (protocol 1), the controller is 1.3.0 (protocol 1): install the same version on both",
    );
  });

  test("where nothing listens says so", async () => {
    const { address } = host;
    await host.close();
    await expect(askHost(address, PASS, { order: "status" })).rejects.toThrow(
      "nothing listens there: start `holdfast swarm agent`",
    );
  });

  test("where the name is no machine's says so", async () => {
    const wrong = askHost({ host: "load-1.invalid", port: 9190 }, PASS, { order: "status" });
    await expect(wrong).rejects.toThrow("no machine of that name is known");
  });

  test("that speaks no TLS gets nothing", async () => {
    const socket = connect(host.address.port, "127.0.0.1");
    const got: Buffer[] = [];
    socket.on("data", (chunk) => got.push(chunk));
    socket.on("error", () => {});
    socket.write('{"hello":"holdfast-swarm"}\n');
    await new Promise((resolve) => socket.once("close", resolve));
    expect(Buffer.concat(got).toString("latin1")).not.toContain("welcome");
  });

  test("that says a byte now and then has its time, and no more", async () => {
    const listen = { host: "127.0.0.1", port: 0 };
    const slow = await AgentHost.listen({
      listen,
      key: KEY,
      version: "1.2.3",
      handshakeMs: 50,
      log: () => {},
    });
    const socket = connect(slow.address.port, "127.0.0.1");
    socket.on("error", () => {});
    // The head of a handshake's record of 16 KiB.
    socket.write(Buffer.from([22, 3, 1, 0x40, 0]));
    const drip = setInterval(() => socket.write(Buffer.from([1])), 5);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(drip);
    await slow.close();
  });

  test("without the key that comes again and again keeps no controller out, and fills no log", async () => {
    const strangers = Array.from({ length: 200 }, () => {
      const stranger = connect(host.address.port, "127.0.0.1");
      stranger.on("error", () => {});
      return stranger;
    });
    const ended = strangers.map((each) => new Promise((resolve) => each.once("close", resolve)));
    await Promise.all(ended.slice(0, 200 - MAX_HANDSHAKES_OF_ADDRESS));
    expect(strangers.filter(({ closed }) => !closed)).toHaveLength(MAX_HANDSHAKES_OF_ADDRESS);
    expect(await askHost(host.address, PASS, { order: "status" })).toMatchObject({ is: "status" });
    for (const each of strangers) each.destroy();
    expect(log).toEqual(["refused: 127.0.0.1 has too many connections without the key"]);
    await host.close();
    expect(log).toHaveLength(2);
    expect(log[1]).toMatch(/^refused: \d+ more in 10 s, the last: 127\.0\.0\.1 has too many/);
  });

  test("with the key stays for longer than that", async () => {
    const listen = { host: "127.0.0.1", port: 0 };
    const ended: string[] = [];
    const quick = await AgentHost.listen({
      listen,
      key: KEY,
      version: "1.2.3",
      handshakeMs: 2_000,
      log: () => {},
    });
    const events = { message: () => {}, ended: (why: string) => ended.push(why) };
    await visitHost(quick.address, PASS, { role: "controller", run: "a" }, events);
    // A connection that has no key is ended later than this one would have been.
    const stranger = connect(quick.address.port, "127.0.0.1");
    await new Promise((resolve) => stranger.once("close", resolve));
    expect(ended).toEqual([]);
    await quick.close();
  });

  test.each([
    [{ role: "agent", run: "xyz" } as const, "the run of this agent is not under way"],
    [{ role: "controller", run: "../x" } as const, "the run has no id"],
  ])("%j is not welcome", async (who, why) => {
    await expect(visitHost(host.address, PASS, who, NOTHING)).rejects.toThrow(why);
  });
});

describe("a run", () => {
  test("has the host for itself", async () => {
    hosts = await join();
    expect(hosts.all).toEqual([expect.objectContaining({ gone: undefined })]);
    expect(hosts.all[0]?.facts).toMatchObject({ version: "1.2.3", node: process.version });
    await expect(join()).rejects.toThrow("another run is under way on this host");
    hosts.close();
    await logged("run abc has ended");
    hosts = await join();
  });

  test("takes orders of operators, and answers them", async () => {
    const taken: RunOrder[] = [];
    hosts = await join(async (order) => {
      taken.push(order);
      if (order.order === "stop") throw new Error("not now");
      return "from 1 to 2 connections";
    });
    const ask = (order: RunOrder) => askHost(host.address, PASS, order);
    expect(await ask({ order: "set-n", connections: 2 })).toMatchObject({
      ok: true,
      text: "from 1 to 2 connections",
    });
    expect(await ask({ order: "stop" })).toMatchObject({ ok: false, text: "not now" });
    expect(taken).toEqual([{ order: "set-n", connections: 2 }, { order: "stop" }]);
    expect(await ask({ order: "status" })).toMatchObject({ is: "status", run: "abc", agents: 0 });
  });

  test("that is over takes none", async () => {
    expect(await askHost(host.address, PASS, { order: "stop" })).toMatchObject({
      ok: false,
      text: "no run is under way on this host",
    });
  });

  test("goes on without a host that has ended", async () => {
    hosts = await join();
    await host.close();
    while (hosts.all[0]?.gone === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(hosts.all[0]?.gone).toContain("closed");
  });
});
