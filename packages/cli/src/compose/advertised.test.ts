import { describe, expect, it } from "@jest/globals";
import { advertised } from "./advertised.js";

const address = (text: string, family: "IPv4" | "IPv6", internal: boolean) => ({
  address: text,
  netmask: "",
  mac: "",
  cidr: null,
  ...(family === "IPv4" ? { family } : { family, scopeid: 0 }),
  internal,
});
const INTERFACES = {
  lo: [address("127.0.0.1", "IPv4", true)],
  eth0: [address("fe80::1", "IPv6", false), address("10.0.0.7", "IPv4", false)],
  eth1: [address("192.168.0.7", "IPv4", false)],
};
const of = (host: string, advertise = "auto", redis: string | undefined = "redis://r") =>
  advertised({ advertise, host, redis }, 8080, INTERFACES);

describe("the advertised address", () => {
  it("is the first that other machines reach where the gateway listens on all", () => {
    expect(of("0.0.0.0")).toBe("10.0.0.7:8080");
    expect(of("::")).toBe("10.0.0.7:8080");
    expect(advertised({ advertise: "auto", host: "::", redis: "redis://r" }, 8080, {})).toBeUndefined();
  });

  it("is no link-local one: a task of Fargate has that of its metadata first", () => {
    const interfaces = {
      eth0: [address("169.254.172.2", "IPv4", false)],
      eth1: [address("10.0.3.9", "IPv4", false)],
    };
    const { eth0 } = interfaces;
    const auto = { advertise: "auto", host: "0.0.0.0", redis: "redis://r" };
    expect(advertised(auto, 8080, interfaces)).toBe("10.0.3.9:8080");
    expect(advertised(auto, 8080, { eth0 })).toBeUndefined();
  });

  it("is the gateway's own where it listens on one", () => {
    expect(of("10.1.1.1")).toBe("10.1.1.1:8080");
    expect(of("127.0.0.1")).toBe("127.0.0.1:8080");
    expect(of("fd00::1")).toBe("[fd00::1]:8080");
  });

  it("is what the setting says, or nothing", () => {
    expect(of("0.0.0.0", "gw-1.internal:80")).toBe("gw-1.internal:80");
    expect(of("0.0.0.0", "off")).toBeUndefined();
    expect(
      advertised({ advertise: "auto", host: "0.0.0.0", redis: undefined }, 8080, INTERFACES),
    ).toBeUndefined();
  });
});
