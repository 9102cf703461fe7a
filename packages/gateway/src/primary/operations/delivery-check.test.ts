import type { ConnectionReport } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { type DeliveryFacts, deliveryFindings } from "./delivery-check.js";

const subscription = { channel: "news", hasPresence: false, slowPolicy: "drop", skipped: 0 };
const report: ConnectionReport = {
  session: "s1",
  user: "ada",
  codec: "lines",
  resumable: true,
  silentMs: 0,
  outbox: { bytes: 0, messages: 0, ageMs: 0, fill: 0 },
  subscriptions: [subscription],
  moreSubscriptions: 0,
};
const healthy: DeliveryFacts = {
  client: "user ada",
  channel: "news",
  reports: [report],
  incidents: [],
  subscribers: 1,
  newestOffset: undefined,
  isDraining: false,
  brokerReady: true,
  now: 1000,
};

const codes = (facts: Partial<DeliveryFacts>): string[] =>
  deliveryFindings({ ...healthy, ...facts }).map(({ code, gravity }) => `${gravity} ${code}`);

describe("a delivery check", () => {
  it("says that a client is served", () => expect(codes({})).toEqual(["ok delivering"]));

  it.each<[string, Partial<DeliveryFacts>, string]>([
    ["is not connected here", { reports: [] }, "fault not_connected"],
    ["is not subscribed", { reports: [{ ...report, subscriptions: [] }] }, "fault not_subscribed"],
    ["is on an instance that drains", { isDraining: true }, "fault draining"],
    ["is on an instance without its broker", { brokerReady: false }, "fault broker_away"],
    ["has an expired token", { reports: [{ ...report, expiresAt: 999 }] }, "fault token_expired"],
    [
      "was skipped",
      { reports: [{ ...report, subscriptions: [{ ...subscription, skipped: 3 }] }] },
      "fault skipped",
    ],
    [
      "reads slowly",
      { reports: [{ ...report, outbox: { bytes: 10, messages: 1, ageMs: 1, fill: 0.9 } }] },
      "note slow",
    ],
    [
      "is on a worker behind the history",
      {
        newestOffset: 9,
        reports: [{ ...report, subscriptions: [{ ...subscription, position: { offset: 7, epoch: "e" } }] }],
      },
      "note behind_history",
    ],
  ])("comes first when the client %s", (_, facts, first) => expect(codes(facts)[0]).toBe(first));

  it("tells what lately went wrong, behind what is wrong now", () => {
    const findings = deliveryFindings({
      ...healthy,
      reports: [{ ...report, subscriptions: [] }],
      incidents: [
        { kind: "refused", code: "forbidden", session: "s1", channel: "news", at: 0, times: 2 },
        { kind: "ended", code: "slow", session: "s0", at: 0, times: 1 },
        { kind: "gap", code: "expired", channel: "news", at: 0, times: 1 },
        { kind: "behind", code: "slow", session: "s1", channel: "news", at: 0, times: 1 },
      ],
    });
    expect(findings.map(({ message }) => message)).toEqual([
      "Session s1 is connected and not subscribed to news.",
      "Session s1 was refused with forbidden on news, 2 times, last at 1970-01-01T00:00:00.000Z.",
      "Session s0 was disconnected with slow, once, last at 1970-01-01T00:00:00.000Z.",
      "Subscribers of news were told of a gap (expired), once, last at 1970-01-01T00:00:00.000Z.",
      "Session s1 fell behind on news, once, last at 1970-01-01T00:00:00.000Z.",
    ]);
  });
});
