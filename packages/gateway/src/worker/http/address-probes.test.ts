import { describe, expect, it } from "@jest/globals";
import { AddressProbes, PROBE_HEADER } from "./address-probes.js";
import { ClientAddresses } from "./client-addresses.js";

const NAME = "a-probe-of-a-doctor";
const peer = (address: string) => () => ({ address, port: 4711 });
const trusting = new ClientAddresses({ proxyProtocol: false, trustedProxies: ["10.0.0.0/8"] });

describe("address probes", () => {
  it("remember whom a request was taken for: the peer, or whom a trusted proxy names", () => {
    const probes = new AddressProbes();
    const headers = { [PROBE_HEADER]: NAME, "x-forwarded-for": "198.51.100.1, 192.0.2.4" };
    probes.note(headers, peer("::ffff:10.0.0.7"), trusting);
    expect(probes.of(NAME)).toEqual({
      peer: "10.0.0.7",
      peerPort: 4711,
      address: "192.0.2.4",
      isProxy: true,
    });
    probes.note(headers, peer("203.0.113.9"), trusting);
    expect(probes.of(NAME)).toEqual({
      peer: "203.0.113.9",
      peerPort: 4711,
      address: "203.0.113.9",
      isProxy: false,
    });
  });

  it("know no address where a PROXY header says it", () => {
    const probes = new AddressProbes();
    const clients = new ClientAddresses({ proxyProtocol: true, trustedProxies: [] });
    probes.note({ [PROBE_HEADER]: NAME }, peer("10.0.0.7"), clients);
    expect(probes.of(NAME)).toMatchObject({ peer: "10.0.0.7", address: undefined });
  });

  it("look at nothing of another request, nor of a name that is none", () => {
    const probes = new AddressProbes();
    const never = (): never => {
      throw new Error("asked");
    };
    for (const name of [undefined, "short", "x".repeat(65), "with a space in between", ["a", "b"]])
      probes.note({ [PROBE_HEADER]: name } as never, never, trusting);
    probes.note({ [PROBE_HEADER]: NAME }, () => undefined, trusting);
    expect(probes.of(NAME)).toBeUndefined();
  });

  it("forget all but the last sixteen", () => {
    const probes = new AddressProbes();
    for (let n = 0; n < 20; n++) probes.note({ [PROBE_HEADER]: `${NAME}-${n}` }, peer("10.0.0.7"), trusting);
    expect([3, 4, 19].map((n) => probes.of(`${NAME}-${n}`) !== undefined)).toEqual([false, true, true]);
  });
});
