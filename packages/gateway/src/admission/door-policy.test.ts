import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { DoorPolicy, type DoorPolicyOptions } from "./door-policy.js";
import { PendingSocket } from "./pending-socket.js";

const NO_LIMITS = { ratePerSecond: undefined, maxPerAddress: undefined, ratePerAddress: undefined };

/** A policy of a door with three places; `held` is the test's to set. */
function world(options: Partial<DoorPolicyOptions> = {}) {
  const held = { count: 0 };
  const clock = new FakeClock();
  const policy = new DoorPolicy<object>(
    { limits: NO_LIMITS, maxConnections: 3, ...options },
    () => held.count,
    clock,
  );
  return { policy, held, clock };
}

function asking(target: string, address = "192.0.2.1"): PendingSocket {
  return PendingSocket.read({} as TcpHandle, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`, address, 0);
}

describe("the policy of a door", () => {
  it("refuses the socket beyond the cap, which counts itself where it is in the door", () => {
    const { policy, held } = world();
    held.count = 3;
    expect([policy.judge(asking("/ws")), policy.isFull(), policy.isFull(1)]).toEqual([
      undefined,
      true,
      false,
    ]);
    expect(policy.judge(asking("/ws"), false)).toBe("limit_connections");
    held.count = 4;
    expect(policy.judge(asking("/ws"))).toBe("limit_connections");
  });

  it("tells a health check that all is well when it is full or a limit is met, until it is leaving", () => {
    const { policy, held } = world({ limits: { ...NO_LIMITS, maxPerAddress: 1 } });
    policy.limits.opened(asking("/ws"));
    policy.limits.hold({}, "192.0.2.1");
    expect(policy.judge(asking("/ws"))).toBe("limit_address");
    expect(policy.judge(asking("/healthz"))).toBe("healthy");
    held.count = 4;
    expect(policy.judge(asking("/healthz", "192.0.2.9"))).toBe("healthy");
    policy.unready();
    expect(policy.judge(asking("/healthz"))).toBe("limit_connections");
    expect([policy.isOpen, policy.isWell]).toEqual([true, false]);
  });

  it("refuses once, closes once, and is not well again", () => {
    const { policy } = world();
    expect([policy.refuse(), policy.refuse(), policy.isOpen]).toEqual([true, false, false]);
    policy.unready();
    expect([policy.isWell, policy.isOpen]).toEqual([false, false]);
    expect([policy.close(), policy.close(), policy.refuse()]).toEqual([true, false, false]);
  });
});
