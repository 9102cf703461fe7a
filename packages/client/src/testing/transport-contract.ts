import { disconnectNotice, disconnects, encodeDisconnect, encodeDrain } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import type { ClientState, HoldfastError, Client as SdkClient, TransportName } from "../index.js";
import { eventually } from "./eventually.js";
import { TinyGateway } from "./tiny-gateway.js";

/** What each transport owes the client, over real sockets: that of the sources, and that of the bundle. */
export function describeTransports(Client: typeof SdkClient): void {
  describe.each<TransportName>(["websocket", "sse", "poll"])("over %s", (transport) => {
    let gateway: TinyGateway;
    let client: SdkClient;
    let errors: HoldfastError[];
    beforeEach(async () => {
      gateway = await TinyGateway.start();
      client = new Client(gateway.url, {
        WebSocket,
        transports: [transport],
        backoff: { minDelayMs: 1, maxDelayMs: 5 },
      });
      errors = [];
      client.on("error", (error) => errors.push(error));
    });
    afterEach(async () => {
      client.close();
      await gateway.close();
    });

    const state = (name: ClientState["name"]): Promise<ClientState> =>
      new Promise((resolve) => {
        const off = client.on("state", (each) => {
          if (each.name !== name) return;
          off();
          resolve(each);
        });
      });

    it("connects, subscribes, publishes, receives and is refused", async () => {
      const received: unknown[] = [];
      client.subscribe("demo:a", ({ data }) => received.push(data));
      await client.connect();
      await client.publish("demo:a", { text: "häß\u2028lich\n" });
      await expect(client.publish("news", 1)).rejects.toMatchObject({ name: "forbidden" });
      await eventually(() => received.length === 1);
      expect(received).toEqual([{ text: "häß\u2028lich\n" }]);
      expect(errors).toEqual([]);
    });

    it("keeps the order of a thousand commands and publications", async () => {
      const received: unknown[] = [];
      client.subscribe("demo:a", ({ data }) => received.push(data));
      await client.connect();
      const all = Array.from({ length: 1000 }, (_, n) => n);
      await Promise.all(all.map((n) => client.publish("demo:a", n)));
      await eventually(() => received.length === all.length);
      expect(received).toEqual(all);
    });

    it("refuses what the server would not take, and nothing smaller", async () => {
      await client.connect();
      const publish = (length: number): Promise<unknown> => client.publish("demo:a", "ä".repeat(length / 2));
      await Promise.all(Array.from({ length: 5 }, () => publish(65_300)));
      await expect(publish(65_600)).rejects.toMatchObject({ name: "too_big" });
      expect(errors).toEqual([]);
    });

    it("goes on when its token and the session's proof are renewed", async () => {
      client.close();
      let asked = 0;
      client = new Client(gateway.url, { WebSocket, transports: [transport], getToken: () => `t${++asked}` });
      client.on("error", (error) => errors.push(error));
      await client.connect();
      gateway.send(JSON.stringify({ refresh: { deadline: 10 } }));
      await eventually(() => gateway.commands.some(([op]) => op === "refresh"));
      await client.publish("demo:a", 1);
      await client.publish("demo:a", 2);
      expect([asked, errors]).toEqual([2, []]);
    });

    it("comes back after a cut, with its session, from its position", async () => {
      const received: unknown[] = [];
      client.subscribe("demo:a", ({ data }) => received.push(data));
      await client.connect();
      gateway.publish("demo:a", 1);
      await eventually(() => received.length === 1);
      const [first] = gateway.commands.filter(([op]) => op === "connect");
      expect(first?.[1]).not.toHaveProperty("resume");
      const back = state("connected");
      gateway.forget();
      gateway.cut();
      gateway.publish("demo:a", 2);
      await back;
      gateway.publish("demo:a", 3);
      await eventually(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
      const [, second] = gateway.commands.filter(([op]) => op === "connect");
      expect(second?.[1]).toMatchObject({
        resume: { token: expect.stringContaining("token of AAAA") },
        subs: { "demo:a": { offset: 1 } },
      });
    });

    it("comes back after a drain by the same way, with its session id", async () => {
      await client.connect();
      const back = state("connected");
      gateway.send(encodeDrain({ reconnectAfter: 1, deadline: 1_000, reason: "deploy" }));
      await back;
      expect(gateway.requests.filter((each) => /ws|sse|poll/.test(each)).at(-1)).toContain("sid=AAAA");
    });

    it("stays away when it is told to, and says so", async () => {
      await client.connect();
      const closed = state("closed");
      gateway.send(encodeDisconnect(disconnectNotice(disconnects.revoked)));
      expect(await closed).toMatchObject({ code: 3504, reason: disconnects.revoked.message });
    });

    it("leaves nothing running once it is closed, whenever that is", async () => {
      const connecting = client.connect();
      client.close();
      await expect(connecting).rejects.toMatchObject({ name: "closed" });
      await client.connect();
      const publishing = client.publish("demo:a", 1);
      client.close();
      await expect(publishing).rejects.toMatchObject({ name: "disconnected" });
      const before = gateway.requests.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(gateway.requests).toHaveLength(before);
      expect(errors).toEqual([]);
    });

    it("tells that no server is there, and waits", async () => {
      const waiting = state("waiting");
      await gateway.close();
      client.connect();
      expect(await waiting).toMatchObject({ code: 1006 });
      client.close();
      gateway = await TinyGateway.start();
    });
  });
}
