import { disconnectNotice, disconnects } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";
import { SID } from "../testing/fake-web-socket.js";

/** A client on a device that says that it is offline until `online` is called. */
function offlineHarness(): {
  readonly harness: ClientHarness;
  readonly waiters: ReadonlySet<() => void>;
  readonly online: () => void;
} {
  const waiters = new Set<() => void>();
  let offline = true;
  const harness = new ClientHarness({
    network: {
      offline: () => offline,
      whenOnline: (run) => {
        waiters.add(run);
        return () => waiters.delete(run);
      },
    },
  });
  const online = (): void => {
    offline = false;
    for (const run of waiters) run();
  };
  return { harness, waiters, online };
}

describe("coming back", () => {
  it("doubles the jittered delay with each failure, up to the maximum", async () => {
    const { client, clock, network, states } = new ClientHarness();
    client.connect();
    await settled();
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) {
      network.socket.closedBy(1006);
      const { state } = client;
      if (state.name !== "waiting") throw new Error(state.name);
      delays.push(state.retryAt - clock.now());
      await clock.advance(state.retryAt - clock.now());
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(states.at(-1)).toEqual({ name: "connecting", attempt: 9 });
    expect(network.sockets).toHaveLength(9);
  });

  it("counts from zero again only after a stable connection", async () => {
    const harness = new ClientHarness();
    const { client, clock } = harness;
    const attemptAfter = async (lifeMs: number): Promise<unknown> => {
      await harness.connected();
      await clock.advance(lifeMs);
      harness.socket.closedBy(1006);
      const { state } = client;
      if (state.name !== "waiting") throw new Error(state.name);
      await clock.advance(state.retryAt - clock.now());
      return client.state.name === "connecting" && client.state.attempt;
    };
    expect(await attemptAfter(9_999)).toBe(2);
    expect(await attemptAfter(9_999)).toBe(3);
    expect(await attemptAfter(10_000)).toBe(2);
  });

  it("leaves at a drain at once, and is not back before it was told to", async () => {
    const harness = new ClientHarness();
    const { client, clock, network } = harness;
    const drains: unknown[] = [];
    client.on("drain", (drain) => drains.push([drain, client.state.name]));
    const socket = await harness.connected();
    socket.receive({ drain: { reconnectAfter: 4_000, deadline: 9_000, reason: "deploy" } });
    expect(drains).toEqual([[{ reconnectAfter: 4_000, reason: "deploy" }, "connected"]]);
    expect(socket.readyState).toBe("closed");
    expect(client.state).toMatchObject({ name: "waiting", code: 3000, reason: "deploy" });
    await clock.advance(4_249);
    expect(network.sockets).toHaveLength(1);
    await clock.advance(1);
    expect(network.sockets).toHaveLength(2);
  });

  it("obeys retryAfter, even across close() and connect()", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    socket.receive({ disconnect: disconnectNotice(disconnects.limitConnections, undefined, 5_000) });
    socket.closedBy(3006);
    expect(harness.client.state).toMatchObject({ name: "waiting", code: 3006 });
    harness.client.close();
    harness.client.connect();
    await harness.clock.advance(4_999);
    expect(harness.network.sockets).toHaveLength(1);
    await harness.clock.advance(1);
    expect(harness.network.sockets).toHaveLength(2);
  });

  it("stays away after a terminal code, until connect() is called", async () => {
    const harness = new ClientHarness();
    const { client, clock, network } = harness;
    (await harness.connected()).closedBy(3504, "revoked");
    expect(client.state).toEqual({ name: "closed", by: "server", code: 3504, reason: "revoked" });
    expect(clock.timers).toBe(0);
    await clock.advance(1e6);
    expect(network.sockets).toHaveLength(1);
    await harness.connected();
    expect(client.state.name).toBe("connected");
  });

  it("tries as soon as a device that says it is offline is online", async () => {
    const { harness, waiters, online } = offlineHarness();
    harness.client.connect();
    await harness.clock.advance(19_999);
    expect(harness.client.state).toMatchObject({ name: "waiting" });
    expect(harness.network.sockets).toHaveLength(0);
    online();
    await settled();
    expect(harness.network.sockets).toHaveLength(1);
    expect([waiters.size, harness.clock.timers]).toEqual([0, 1]);
  });

  it("tries now and then where a device says for ever that it is offline", async () => {
    const { harness, waiters } = offlineHarness();
    harness.client.connect();
    await harness.clock.advance(19_999);
    expect(harness.network.sockets).toHaveLength(0);
    await harness.clock.advance(1);
    expect(harness.network.sockets).toHaveLength(1);
    harness.socket.closedBy(1006);
    await harness.clock.advance(20_250);
    expect(harness.network.sockets).toHaveLength(2);
    harness.socket.closedBy(1006);
    await harness.clock.advance(500);
    expect(waiters.size).toBe(1);
    harness.client.close();
    expect([waiters.size, harness.clock.timers]).toEqual([0, 0]);
  });
});

describe("the session id", () => {
  it("is presented at the next attempt, and again while the network is down", async () => {
    const harness = new ClientHarness();
    (await harness.connected()).closedBy(1006);
    await harness.clock.advance(250);
    harness.socket.closedBy(1006);
    await harness.clock.advance(500);
    expect(harness.network.sockets.map(({ url }) => new URL(url).searchParams.get("sid"))).toEqual([
      null,
      SID,
      SID,
    ]);
  });

  it("is dropped when the worker it leads to opens but does not answer", async () => {
    const harness = new ClientHarness();
    (await harness.connected()).closedBy(1006);
    await harness.clock.advance(250);
    harness.socket.open();
    harness.socket.closedBy(1006);
    await harness.clock.advance(500);
    expect(harness.socket.url).toBe("ws://gateway.test/ws");
  });

  it("is dropped when the server wants the client elsewhere", async () => {
    const harness = new ClientHarness();
    (await harness.connected()).closedBy(disconnects.rebalance.code);
    await harness.clock.advance(250);
    expect(harness.socket.url).toBe("ws://gateway.test/ws");
  });
});

describe("the token", () => {
  it("is asked for before each attempt, and its failure is retried", async () => {
    const answers = ["one", new Error("auth is down"), "two"];
    const harness = new ClientHarness({
      getToken: async () => {
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    const socket = await harness.connected();
    expect(socket.frames[0]).toHaveProperty("connect.token", "one");
    socket.closedBy(1006);
    await harness.clock.advance(250);
    expect(harness.client.state).toMatchObject({ name: "waiting", reason: "getToken failed" });
    expect(harness.errors[0]).toMatchObject({ name: "token", cause: new Error("auth is down") });
    await harness.clock.advance(500);
    harness.socket.open();
    expect(harness.socket.frames[0]).toHaveProperty("connect.token", "two");
  });

  it("may take only so long, and one that comes late is not used", async () => {
    const answers: ((token: string) => void)[] = [];
    const { client, clock, network } = new ClientHarness({
      getToken: () => new Promise((resolve) => answers.push(resolve)),
    });
    client.connect();
    await clock.advance(10_000);
    expect(client.state).toMatchObject({ name: "waiting", reason: "getToken took too long" });
    await clock.advance(250);
    expect(answers).toHaveLength(2);
    answers[0]?.("late");
    await settled();
    expect(network.sockets).toHaveLength(0);
    answers[1]?.("fresh");
    await settled();
    network.socket.open();
    expect(network.socket.frames[0]).toHaveProperty("connect.token", "fresh");
  });
});

describe("close()", () => {
  it("leaves no timer and no socket, whatever was going on, and may be repeated", async () => {
    const begin: readonly ((harness: ClientHarness) => unknown)[] = [
      () => {},
      ({ client }) => void client.connect(),
      async ({ client }) => {
        client.connect();
        await settled();
      },
      (harness) => harness.connected(),
      async (harness) => (await harness.connected()).closedBy(1006),
    ];
    for (const go of begin) {
      const harness = new ClientHarness();
      await go(harness);
      harness.client.close();
      harness.client.close();
      await settled();
      expect(harness.states.filter(({ name }) => name === "closed")).toHaveLength(1);
      expect([harness.clock.timers, harness.network.live]).toEqual([0, 0]);
    }
  });

  it("wins when it is called from a listener", async () => {
    for (const name of ["connecting", "connected", "waiting"]) {
      const harness = new ClientHarness();
      harness.client.subscribe("news");
      harness.client.on("state", (state) => state.name === name && harness.client.close());
      harness.client.connect();
      await settled();
      for (const socket of harness.network.sockets) socket.welcome();
      for (const socket of harness.network.sockets) socket.closedBy(1006);
      await settled();
      expect(harness.client.state).toMatchObject({ name: "closed", code: 1000 });
      expect([harness.clock.timers, harness.network.live]).toEqual([0, 0]);
    }
  });

  it("is where a socket that cannot be made ends", async () => {
    class Forbidden {
      constructor() {
        throw new Error("insecure");
      }
    }
    const harness = new ClientHarness({ WebSocket: Forbidden as never });
    await expect(harness.client.connect()).rejects.toMatchObject({ code: 1006, message: "insecure" });
    expect(harness.client.state.name).toBe("closed");
    expect(harness.clock.timers).toBe(0);
  });
});
