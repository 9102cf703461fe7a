import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import { Client, systemClock, type TransportName } from "../index.js";
import { eventually } from "../testing/eventually.js";
import { type Faults, TinyGateway } from "../testing/tiny-gateway.js";

type Step =
  | { readonly do: "publish"; readonly count: number }
  | { readonly do: "cut" | "forget" }
  | { readonly do: "faults"; readonly faults: Faults }
  | { readonly do: "pass"; readonly ms: number };

const faults = fc.oneof(
  fc.constant<Faults>({}),
  fc.record({ dropEvery: fc.integer({ min: 2, max: 5 }) }),
  fc.record({ cutAfterMs: fc.integer({ min: 3, max: 20 }) }),
  fc.record({ refuseUpgrades: fc.boolean(), bufferStreams: fc.boolean(), muteUpgrades: fc.boolean() }),
  fc.record({ status: fc.constantFrom(404, 500, 502) }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("cut" as const, "forget" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("faults" as const), faults }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(8) }) },
);

/** Climbs come in a moment. */
const hasty = {
  ...systemClock,
  after: (ms: number, run: () => void) => systemClock.after(ms >= 15_000 ? 20 : ms, run),
};

describe.each<readonly [string, readonly TransportName[]]>([
  ["websocket", ["websocket"]],
  ["sse", ["sse"]],
  ["poll", ["poll"]],
  ["whichever passes", ["websocket", "sse", "poll"]],
])("over %s, whatever stands in between", (_, transports) => {
  it("a channel that keeps everything is delivered whole, each once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
        const gateway = await TinyGateway.start();
        const client = new Client(gateway.url, {
          WebSocket,
          transports,
          clock: hasty,
          backoff: { minDelayMs: 1, maxDelayMs: 5 },
          connectTimeoutMs: 100,
          commandTimeoutMs: 100,
        });
        const received: unknown[] = [];
        const gaps: unknown[] = [];
        const subscription = client.subscribe("demo:a", ({ data }) => received.push(data));
        subscription.on("gap", (gap) => gaps.push(gap));
        await client.connect();
        await eventually(() => subscription.state === "subscribed");
        let last = 0;
        for (const each of steps) {
          if (each.do === "publish") for (let i = 0; i < each.count; i++) gateway.publish("demo:a", ++last);
          if (each.do === "cut") gateway.cut();
          if (each.do === "forget") gateway.forget();
          if (each.do === "faults") gateway.faults = each.faults;
          if (each.do === "pass") await new Promise((resolve) => setTimeout(resolve, each.ms));
        }
        gateway.faults = {};
        gateway.cut();
        await eventually(() => received.at(-1) === last || last === 0);
        expect(received).toEqual(Array.from({ length: last }, (_, n) => n + 1));
        expect(gaps).toEqual([]);
        client.close();
        await gateway.close();
      }),
      { numRuns: 10 },
    );
  });
});
