import { describe, expect, it } from "@jest/globals";
import { ClientAddresses } from "./client-addresses.js";
import { LaterClients } from "./later-clients.js";

describe("a connection of polls that goes on in Node's server", () => {
  const trustedProxies = ["127.0.0.1"];
  const clients = new ClientAddresses({ proxyProtocol: false, trustedProxies });
  const headers = { "x-forwarded-for": "192.0.2.7" };

  it.each([
    ["has carried requests of other clients", true, "192.0.2.7"],
    ["has carried none before its first request there", false, undefined],
  ])("%s", (_what, hasCarried, expected) => {
    const held: (string | undefined)[] = [];
    const moved: object[] = [];
    const later = new LaterClients(clients, {
      open: () => undefined,
      hold({ address }) {
        held.push(address);
        return () => {};
      },
      moved: (...both) => moved.push(...both),
    });
    const before = {};
    const socket = { remoteAddress: "127.0.0.1" };
    later.moved(before, socket, hasCarried);
    later.carries(socket);
    later.holdStream(socket, { headers });
    expect(held[0]).toBe(expected);
    expect(moved).toEqual([before, socket]);
  });
});
