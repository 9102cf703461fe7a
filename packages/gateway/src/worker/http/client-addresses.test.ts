import { describe, expect, it } from "@jest/globals";
import { transportAddress } from "../../admission/client-address.js";
import { ClientAddresses } from "./client-addresses.js";

const proxied = new ClientAddresses({ proxyProtocol: false, trustedProxies: ["10.1.0.0/16"] });

describe("what a transport remembers of its client's address", () => {
  const headers = { "x-forwarded-for": "192.0.2.1" };
  it("is nothing where its peer is the client, and what a proxy says where it is not", () => {
    expect(proxied.remembered(() => "203.0.113.5", headers)).toBeUndefined();
    expect(proxied.remembered(() => "10.1.2.3", headers)).toBe("192.0.2.1");
    const direct = new ClientAddresses({ proxyProtocol: false, trustedProxies: [] });
    expect(
      direct.remembered(() => {
        throw new Error("asked for");
      }, headers),
    ).toBeUndefined();
  });

  it("is that it is not known where the peer's is another's", () => {
    const behind = new ClientAddresses({ proxyProtocol: true, trustedProxies: [] });
    const named = behind.remembered(() => "10.0.0.1", {});
    expect(transportAddress(named, () => "10.0.0.1")).toBeUndefined();
    expect(transportAddress(undefined, () => "::ffff:203.0.113.5")).toBe("203.0.113.5");
    expect(transportAddress(undefined, () => undefined)).toBeUndefined();
  });
});

describe("whose request it is", () => {
  it("is the peer's, whatever it says", () => {
    expect(proxied.of("::ffff:203.0.113.5", { "x-forwarded-for": "192.0.2.1" })).toEqual({
      address: "203.0.113.5",
      isProxy: false,
    });
  });

  it("is the network of /64 of an IPv6 client, which chooses any address of it", () => {
    const of = (peer: string) => proxied.of(peer, {}).address;
    expect(of("2001:db8:7:7::1")).toBe(of("2001:db8:7:7:ffff::2"));
    expect(of("2001:db8:7:7::1")).not.toBe(of("2001:db8:7:8::1"));
  });

  it("is that of the client of a trusted proxy, request by request", () => {
    for (const client of ["192.0.2.1", "192.0.2.2"])
      expect(proxied.of("10.1.2.3", { "x-forwarded-for": `8.8.8.8, ${client}, 10.1.9.9` })).toEqual({
        address: client,
        isProxy: true,
      });
  });

  it("is the whole IPv6 address where a trusted proxy names it, in one spelling", () => {
    const of = (client: string) => proxied.of("10.1.2.3", { "x-forwarded-for": client }).address;
    expect(of("2001:db8:7:7::1")).not.toBe(of("2001:db8:7:7::2"));
    expect(of("2001:db8:7:7::1")).toBe(of("[2001:DB8:7:7:0::1]:0"));
  });

  it("is not known where a PROXY header said it, and of a request that another worker sent", () => {
    const unknown = { address: undefined, isProxy: false };
    expect(new ClientAddresses({ proxyProtocol: true, trustedProxies: [] }).of("10.0.0.1", {})).toEqual(
      unknown,
    );
    expect(proxied.of(undefined, {})).toEqual(unknown);
  });
});
