import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  clientAddress,
  limitKey,
  namedKey,
  networkOf,
  plainAddress,
  proxyProblem,
  subscriberOf,
  TrustedProxies,
} from "./client-address.js";

const head = (...lines: string[]): string => `GET /ws HTTP/1.1\r\nHost: x\r\n${lines.join("\r\n")}\r\n\r\n`;
const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.9", "fd00::/8"]);

describe("whose connection it is", () => {
  it.each([
    ["a trusted proxy speaks for its client", "10.1.2.3", ["X-Forwarded-For: 203.0.113.7"], "203.0.113.7"],
    [
      "the last address nobody trusted wrote counts",
      "10.1.2.3",
      ["X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.9.9.9"],
      "203.0.113.7",
    ],
    [
      "over several lines, in any case",
      "192.0.2.9",
      ["x-forwarded-for: 6.6.6.6", "X-FORWARDED-FOR: 203.0.113.7"],
      "203.0.113.7",
    ],
    ["by IPv6 too", "fd00::1", ["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"],
    ["a proxy that says nothing is the client", "10.1.2.3", [], "10.1.2.3"],
    ["nonsense is not believed", "10.1.2.3", ["X-Forwarded-For: 203.0.113.7, unknown"], "10.1.2.3"],
    [
      "a name that only contains the header's is none",
      "10.1.2.3",
      ["NX-Forwarded-For: 203.0.113.7"],
      "10.1.2.3",
    ],
    [
      "a spoofed header of an untrusted peer is ignored",
      "203.0.113.66",
      ["X-Forwarded-For: 10.0.0.1"],
      "203.0.113.66",
    ],
  ])("%s", (_what, peer, lines, expected) => {
    expect(clientAddress(peer, head(...lines), proxies)).toBe(expected);
  });

  it.each([
    ["an IPv4 address with a port", "198.51.100.20:61234", "198.51.100.20"],
    ["an IPv6 address with a port", "[2001:db8:5::20]:443", "2001:db8:5::20"],
    ["an IPv6 address in brackets", "[2001:db8:5::21]", "2001:db8:5::21"],
    ["an IPv4 address in its IPv6 spelling", "::ffff:198.51.100.22", "198.51.100.22"],
    ["trusted proxies with ports", "198.51.100.23:1, 10.2.3.4:8080, [fd00::9]:80", "198.51.100.23"],
    ["a port without an address counts as the proxy", ":443", "10.1.2.3"],
    ["an IPv4 address in brackets counts as the proxy", "[198.51.100.24]:443", "10.1.2.3"],
    ["a host name with a port counts as the proxy", "client.example:443", "10.1.2.3"],
    ["an empty entry counts as the proxy", "198.51.100.25,", "10.1.2.3"],
  ])("reads %s", (_what, value, expected) => {
    expect(clientAddress("10.1.2.3", head(`X-Forwarded-For: ${value}`), proxies)).toBe(expected);
  });

  it("never reads behind the head, whatever stands there", () => {
    const line = fc.constantFrom("X-Forwarded-For: 198.51.100.66", "x-forwarded-for:198.51.100.67", "{}", "");
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), (lines, named) => {
        const request = head(...(named ? ["X-Forwarded-For: 203.0.113.8"] : []));
        const body = `\r\n${lines.join("\r\n")}\r\n`;
        const expected = named ? "203.0.113.8" : "10.1.2.3";
        expect(clientAddress("10.1.2.3", request + body, proxies)).toBe(expected);
      }),
    );
  });

  it("looks at the last 32 entries at most: of more trusted proxies the last one looked at counts", () => {
    const chain = (proxies: number): string[] =>
      Array.from({ length: proxies }, (_, i) => `X-Forwarded-For: 10.0.0.${proxies - i}`);
    const client = "X-Forwarded-For: 198.51.100.72,";
    expect(clientAddress("10.1.2.3", head(client.slice(0, -1), ...chain(31)), proxies)).toBe("198.51.100.72");
    expect(clientAddress("10.1.2.3", head(client.slice(0, -1), ...chain(32)), proxies)).toBe("10.0.0.32");
    for (const empty of [",", ",,", ", 198.51.100.73,", ""])
      expect(clientAddress("10.1.2.3", head(client, `X-Forwarded-For: ${empty}`), proxies)).toBe("10.1.2.3");
  });

  it("takes a folded line for one, of which nothing is an address", () => {
    for (const fold of ["\r\n ", "\r\n\t", "\r\n \r\n "]) {
      const folded = `X-Forwarded-For: 198.51.100.69${fold}198.51.100.70`;
      expect(clientAddress("10.1.2.3", head(folded), proxies)).toBe("10.1.2.3");
      const behind = `X-Other: a${fold}X-Forwarded-For: 198.51.100.71`;
      expect(clientAddress("10.1.2.3", head(behind), proxies)).toBe("10.1.2.3");
    }
  });

  it("takes lines by CRLF alone, as the HTTP parser does", () => {
    for (const lineBreak of ["\r", "\n"]) {
      const header = `X-Other: a${lineBreak}X-Forwarded-For: 198.51.100.68`;
      expect(clientAddress("10.1.2.3", head(header), proxies)).toBe("10.1.2.3");
    }
  });

  it("is the peer, whatever it sends, where no proxy is trusted", () => {
    const nobody = new TrustedProxies([]);
    expect(nobody.any).toBe(false);
    fc.assert(
      fc.property(
        fc.string(),
        (line) => clientAddress("10.0.0.1", head(`X-Forwarded-For: ${line}`), nobody) === "10.0.0.1",
      ),
    );
  });

  it("takes an IPv4 address out of its IPv6 spelling", () => {
    expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
  });

  it.each(["10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0"])("%s may be trusted", (proxy) => {
    expect(proxyProblem(proxy)).toBeUndefined();
    expect(() => new TrustedProxies([proxy])).not.toThrow();
  });

  it.each(["", "example.org", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"])(
    "%j may not",
    (proxy) => {
      expect(proxyProblem(proxy)).toBeDefined();
    },
  );
});

describe("what limits count by", () => {
  it.each([
    ["192.0.2.9", "192.0.2.9", "192.0.2"],
    ["::ffff:192.0.2.9", "192.0.2.9", "192.0.2"],
    ["::ffff:c000:209", "192.0.2.9", "192.0.2"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1"],
    ["2001:DB8:1:2::6", "2001:db8:1:2::/64", "2001:db8:1"],
    ["2001:db8::6", "2001:db8:0:0::/64", "2001:db8:0"],
    ["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0"],
    ["::1", "0:0:0:0::/64", "0:0:0"],
    ["unknown", "unknown", "unknown"],
  ])("of %s is %s, in the network %s", (address, key, network) => {
    expect(limitKey(address)).toBe(key);
    expect(limitKey(key)).toBe(key);
    expect(networkOf(key).startsWith(network.slice(0, 5))).toBe(true);
    if (key !== "unknown") expect(networkOf(key)).toBe(network);
  });

  it.each([
    ["192.0.2.9", "192.0.2.9", undefined],
    ["::ffff:192.0.2.9", "192.0.2.9", undefined],
    ["::FFFF:192.0.2.9", "192.0.2.9", undefined],
    ["2001:DB8:1:2::6", "2001:db8:1:2:0:0:0:6", "2001:db8:1:2::/64 named"],
    ["2001:db8:1:2:0:0:0:6", "2001:db8:1:2:0:0:0:6", "2001:db8:1:2::/64 named"],
    ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1", "fe80:0:0:0::/64 named"],
    ["2001:db8:1:2::/64", "2001:db8:1:2::/64", undefined],
    ["unknown", "unknown", undefined],
  ])("of %s where a proxy names it is %s, beside %s", (address, key, subscriber) => {
    expect(namedKey(address)).toBe(key);
    expect(namedKey(key)).toBe(key);
    expect(subscriberOf(key)).toBe(subscriber);
    if (subscriber !== undefined) expect(networkOf(subscriber)).toBe(networkOf(key));
  });
});
