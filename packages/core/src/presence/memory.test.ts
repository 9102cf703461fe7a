import { describe, expect, it } from "@jest/globals";
import { MemoryBus } from "../broker/broker-memory.js";
import { FakeClock } from "../testing/fake-clock.js";
import { MemoryPresence } from "./memory.js";

describe("MemoryPresence, when the wall clock is set", () => {
  const LEASE_MS = 9_000;
  const RULE = { joinLeave: "session", maxListed: 100 } as const;

  it.each([47_000, -47_000, 86_400_000, -86_400_000])(
    "ends no lease and no member (by %i ms)",
    async (ms) => {
      const clock = new FakeClock();
      const store = new MemoryPresence(new MemoryBus(), clock);
      const { until } = await store.renew("a.1", LEASE_MS, true);
      const put = { kind: "put", member: { session: "s1", text: "{}" } } as const;
      expect(await store.change("room:1", { id: "a.1", until }, [put], RULE)).toMatchObject({
        kind: "changed",
      });

      clock.set(clock.now() + ms);
      expect(await store.renew("b.1", LEASE_MS, true)).toMatchObject({ lapsed: [] });
      expect(await store.change("room:1", { id: "a.1", until }, [put], RULE)).toMatchObject({
        kind: "changed",
      });
      expect(await store.read("room:1", 10)).toMatchObject({ sessions: 1 });

      // Nor does it keep one alive that no worker renews.
      clock.advance(LEASE_MS + 1);
      expect(await store.renew("b.1", LEASE_MS, false)).toMatchObject({ lapsed: ["a.1"] });
    },
  );
});
