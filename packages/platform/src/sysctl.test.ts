import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { sysctlFor, sysctlText } from "./sysctl.js";

const value = (connections: number, key: string): number =>
  Number(sysctlFor(connections).find((each) => each.key === key)?.value);

describe("kernel settings", () => {
  it("hold the connections they are made for, and never shrink as those grow", () => {
    const keys = sysctlFor(1)
      .filter((each) => /^\d+$/.test(each.value))
      .map(({ key }) => key);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000 }), (connections) => {
        for (const key of ["fs.file-max", "fs.epoll.max_user_watches", "net.netfilter.nf_conntrack_max"])
          expect(value(connections, key)).toBeGreaterThanOrEqual(connections * 1.2);
        for (const key of keys)
          expect(value(connections * 2, key)).toBeGreaterThanOrEqual(value(connections, key));
        const [low = 0, pressure = 0, most = 0] = (
          sysctlFor(connections).find(({ key }) => key === "net.ipv4.tcp_mem")?.value ?? ""
        )
          .split(" ")
          .map(Number);
        expect(low < pressure && pressure < most && most >= connections).toBe(true);
      }),
    );
  });

  it("follow the CPUs and the rates where they are said", () => {
    const settings = sysctlFor(100_000, { cpus: 2, peakPerSecond: 5000, closesPerSecond: 10_000 });
    const of = (key: string): string | undefined => settings.find((each) => each.key === key)?.value;
    expect(of("net.core.netdev_max_backlog")).toBe("2048");
    expect(of("net.core.somaxconn")).toBe("8192");
    expect(of("net.ipv4.tcp_max_tw_buckets")).toBe("1048576");
  });

  it("are a file with a reason above each line and a dash where a module may be missing", () => {
    const text = sysctlText(sysctlFor(50_000), "Made for 50,000 connections.");
    expect(text.startsWith("# Made for 50,000 connections.\n")).toBe(true);
    expect(text).toMatch(/\n# .+\n-net\.netfilter\.nf_conntrack_max = 262144\n/);
    expect(text).toMatch(/\n# .+\nnet\.core\.somaxconn = 4096\n/);
  });
});
