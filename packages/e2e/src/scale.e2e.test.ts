/**
 * Five thousand connections over two workers.
 */

import { ownerOf } from "@holdfast/protocol";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { ManyClients } from "./many-clients.js";
import { metric, samples } from "./metrics-text.js";
import { Resources } from "./resources.js";

jest.setTimeout(120_000);

const CLIENTS = 5_000;
const shared = new Resources();
let gateway: GatewayProcess;
let clients: ManyClients;

beforeAll(async () => {
  gateway = shared.add(await GatewayProcess.start({ args: ["--drain-window", "1s"] }));
  clients = shared.add(
    await ManyClients.open(CLIENTS, (n) => gateway.ws(`channels=all,${n % 2 === 0 ? "even" : "odd"}`)),
  );
});
afterAll(() => shared.close());

describe("5,000 connections", () => {
  test("are spread over the workers within 5 %", async () => {
    const perSlot = new Map<number, number>();
    for (const sid of clients.sids) {
      const slot = ownerOf(sid)?.slot ?? -1;
      perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
    }
    expect([...perSlot.keys()].sort()).toEqual([0, 1]);
    for (const count of perSlot.values()) {
      // The router passes over a worker whose loop is late, which a busy machine makes it now and then.
      expect(Math.abs(count - CLIENTS / 2)).toBeLessThanOrEqual(CLIENTS * 0.05);
    }
    expect(new Set(clients.sids).size).toBe(CLIENTS);
  });

  test("are counted, and so are their subscriptions", async () => {
    const text = (await gateway.adminGet("/metrics")).text;
    expect(metric(text, "holdfast_connections")).toBe(CLIENTS);
    expect(metric(text, "holdfast_subscriptions")).toBe(2 * CLIENTS);
    expect(metric(text, "holdfast_handshake_seconds_count")).toBe(CLIENTS);
    expect(samples(text, "holdfast_resident_memory_bytes").length).toBeGreaterThanOrEqual(2);
  });

  test("get a broadcast and publications exactly once each, in order", async () => {
    await gateway.broadcast({ all: true });
    await gateway.publish("all", 1);
    await gateway.publish("all", "end");
    await clients.all('"end"');
    const expected = [
      '{"broadcast":{"data":{"all":true}}}',
      '{"publication":{"channel":"all","data":1}}',
      '{"publication":{"channel":"all","data":"end"}}',
    ];
    expect(clients.countExactly(expected)).toBe(CLIENTS);
    await gateway.publish("even", 2);
    await gateway.publish("all", "end 2");
    await clients.all('"end 2"');
    const end = '{"publication":{"channel":"all","data":"end 2"}}';
    const even = '{"publication":{"channel":"even","data":2}}';
    expect(clients.countExactly([...expected, even, end])).toBe(CLIENTS / 2);
    expect(clients.countExactly([...expected, end])).toBe(CLIENTS / 2);
    const text = (await gateway.adminGet("/metrics")).text;
    expect(metric(text, "holdfast_deliveries_total")).toBe(CLIENTS * 4.5);
  });

  test("leave on SIGTERM, each with drain and 3000, within the window and a little", async () => {
    const before = clients.sockets.map(({ messages }) => messages.length);
    expect(await gateway.stop("SIGTERM", 30_000)).toEqual({ code: 0, signal: null });
    let correct = 0;
    for (const [n, { messages, closed }] of clients.sockets.entries()) {
      const [drain = "", disconnect = "", ...more] = messages.slice(before[n]);
      const { code, reason } = await closed;
      if (
        drain.startsWith('{"drain":') &&
        disconnect.startsWith('{"disconnect":{"code":3000,') &&
        more.length === 0
      )
        if (code === 3000 && reason === "drain") correct++;
    }
    expect(correct).toBe(CLIENTS);
    await eventually("nothing is left", () => gateway.program.processes().length === 0);
  });
});
