/**
 * What each transport owes the client of the SDK, as a test suite over real sockets.
 *
 * Invariant: after a test its client and its gateway are closed.
 */
import { disconnectNotice, disconnects, encodeDisconnect, encodeDrain } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import type {
  ClientOptions,
  ClientState,
  HoldfastError,
  Client as SdkClient,
  TransportName,
} from "../index.js";
import { eventually } from "./eventually.js";
import { TinyGateway } from "./tiny-gateway.js";

/** What each transport owes the client, over real sockets: that of the sources, and that of the bundle. */
export function describeTransports(Client: typeof SdkClient): void {
  describe.each<TransportName>(["websocket", "sse", "poll"])("over %s", (transport) => {
    const use = new SdkTest(Client, transport);
    carriesCommandsAndPublications(use);
    goesOnWithRenewedProofs(use);
    comesBack(use);
    endsForGood(use);
    waitsForAServer(use);
  });
}

/** What is said arrives in order, and what is too much is refused. */
function carriesCommandsAndPublications(use: SdkTest): void {
  it("connects, subscribes, publishes, receives and is refused", async () => {
    const received: unknown[] = [];
    use.client.subscribe("demo:a", ({ data }) => received.push(data));
    await use.client.connect();
    await use.client.publish("demo:a", { text: "häß\u2028lich\n" });
    await expect(use.client.publish("news", 1)).rejects.toMatchObject({ name: "forbidden" });
    await eventually(() => received.length === 1);
    expect(received).toEqual([{ text: "häß\u2028lich\n" }]);
    expect(use.errors).toEqual([]);
  });

  it("keeps the order of a thousand commands and publications", async () => {
    const received: unknown[] = [];
    use.client.subscribe("demo:a", ({ data }) => received.push(data));
    await use.client.connect();
    const all = Array.from({ length: 1000 }, (_, n) => n);
    await Promise.all(all.map((n) => use.client.publish("demo:a", n)));
    await eventually(() => received.length === all.length);
    expect(received).toEqual(all);
  });

  it("refuses what the server would not take, and nothing smaller", async () => {
    await use.client.connect();
    const publish = (length: number): Promise<unknown> =>
      use.client.publish("demo:a", "ä".repeat(length / 2));
    await Promise.all(Array.from({ length: 5 }, () => publish(65_300)));
    await expect(publish(65_600)).rejects.toMatchObject({ name: "too_big" });
    expect(use.errors).toEqual([]);
  });
}

/** A token that ends is renewed without a new connection. */
function goesOnWithRenewedProofs(use: SdkTest): void {
  it("goes on when its token and the session's proof are renewed", async () => {
    use.client.close();
    let asked = 0;
    use.makeClient({ getToken: () => `t${++asked}` });
    await use.client.connect();
    use.gateway.send(JSON.stringify({ refresh: { deadline: 10 } }));
    await eventually(() => use.gateway.commands.some(([op]) => op === "refresh"));
    await use.client.publish("demo:a", 1);
    await use.client.publish("demo:a", 2);
    expect([asked, use.errors]).toEqual([2, []]);
  });
}

/** The session goes on in a new connection. */
function comesBack(use: SdkTest): void {
  it("comes back after a cut, with its session, from its position", async () => {
    const received: unknown[] = [];
    use.client.subscribe("demo:a", ({ data }) => received.push(data));
    await use.client.connect();
    use.gateway.publish("demo:a", 1);
    await eventually(() => received.length === 1);
    const [first] = use.gateway.commands.filter(([op]) => op === "connect");
    expect(first?.[1]).not.toHaveProperty("resume");
    const back = use.state("connected");
    use.gateway.forget();
    use.gateway.cut();
    use.gateway.publish("demo:a", 2);
    await back;
    use.gateway.publish("demo:a", 3);
    await eventually(() => received.length === 3);
    expect(received).toEqual([1, 2, 3]);
    const [, second] = use.gateway.commands.filter(([op]) => op === "connect");
    expect(second?.[1]).toMatchObject({
      resume: { token: expect.stringContaining("token of AAAA") },
      subs: { "demo:a": { offset: 1 } },
    });
  });

  it("comes back after a drain by the same way, with its session id", async () => {
    await use.client.connect();
    const back = use.state("connected");
    use.gateway.send(encodeDrain({ reconnectAfter: 1, deadline: 1_000, reason: "deploy" }));
    await back;
    expect(use.gateway.requests.filter((each) => /ws|sse|poll/.test(each)).at(-1)).toContain("sid=AAAA");
  });
}

/** What has ended, by either side, leaves nothing behind. */
function endsForGood(use: SdkTest): void {
  it("stays away when it is told to, and says so", async () => {
    await use.client.connect();
    const closed = use.state("closed");
    use.gateway.send(encodeDisconnect(disconnectNotice(disconnects.revoked)));
    expect(await closed).toMatchObject({ code: 3504, reason: disconnects.revoked.message });
  });

  it("leaves nothing running once it is closed, whenever that is", async () => {
    const connecting = use.client.connect();
    use.client.close();
    await expect(connecting).rejects.toMatchObject({ name: "closed" });
    await use.client.connect();
    const publishing = use.client.publish("demo:a", 1);
    use.client.close();
    await expect(publishing).rejects.toMatchObject({ name: "disconnected" });
    const before = use.gateway.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(use.gateway.requests).toHaveLength(before);
    expect(use.errors).toEqual([]);
  });
}

/** Where no server is, the client waits. */
function waitsForAServer(use: SdkTest): void {
  it("tells that no server is there, and waits", async () => {
    const waiting = use.state("waiting");
    await use.gateway.close();
    use.client.connect();
    expect(await waiting).toMatchObject({ code: 1006 });
    use.client.close();
    await use.startGateway();
  });
}

/** The gateway and the client of the test that runs. */
class SdkTest {
  readonly #Client: typeof SdkClient;
  readonly #transport: TransportName;
  #errors: HoldfastError[] = [];
  #gateway: TinyGateway | undefined;
  #client: SdkClient | undefined;

  constructor(Client: typeof SdkClient, transport: TransportName) {
    this.#Client = Client;
    this.#transport = transport;
    beforeEach(async () => {
      await this.startGateway();
      this.#errors = [];
      this.makeClient({ backoff: { minDelayMs: 1, maxDelayMs: 5 } });
    });
    afterEach(async () => {
      this.client.close();
      await this.gateway.close();
    });
  }

  /** What the client has said to be wrong. */
  get errors(): readonly HoldfastError[] {
    return this.#errors;
  }

  get gateway(): TinyGateway {
    if (this.#gateway === undefined) throw new Error("no test is running");
    return this.#gateway;
  }

  get client(): SdkClient {
    if (this.#client === undefined) throw new Error("no test is running");
    return this.#client;
  }

  /** Another gateway, in the place of one that is closed. */
  async startGateway(): Promise<void> {
    this.#gateway = await TinyGateway.start();
  }

  /** Another client, in the place of one that is closed. */
  makeClient(options: ClientOptions): void {
    const client = new this.#Client(this.gateway.url, {
      WebSocket,
      transports: [this.#transport],
      ...options,
    });
    client.on("error", (error) => this.#errors.push(error));
    this.#client = client;
  }

  /** Resolves when the client is in that state next. */
  state(name: ClientState["name"]): Promise<ClientState> {
    return new Promise((resolve) => {
      const off = this.client.on("state", (each) => {
        if (each.name !== name) return;
        off();
        resolve(each);
      });
    });
  }
}
