import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ANONYMOUS } from "../access/identity.js";
import { channelTopic } from "../broker/topic.js";
import { Subscription } from "../hub/subscription.js";
import { TopicState } from "../hub/topic-state.js";
import { DISCONNECT } from "../namespace.js";
import type { Connection } from "./connection.js";
import { Session } from "./session.js";

const NOBODY = {} as Connection;
const to = (channel: number): Subscription =>
  new Subscription(NOBODY, new TopicState(channelTopic(`c${channel}`), undefined, undefined, DISCONNECT));

describe("a session", () => {
  test("knows its subscriptions in their order, whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(4))), (steps) => {
        const session = new Session(ANONYMOUS);
        let expected: Subscription[] = [];
        for (const [adds, channel] of steps) {
          const there = expected.find(({ topic }) => topic === channelTopic(`c${channel}`));
          expect(session.find(channelTopic(`c${channel}`))).toBe(there);
          if (adds && there === undefined) {
            const subscription = to(channel);
            session.add(subscription);
            expected.push(subscription);
          } else if (!adds) {
            expect(session.remove(there ?? to(channel))).toBe(there !== undefined);
            expected = expected.filter((subscription) => subscription !== there);
          }
          expect(session.subscriptions).toEqual(expected);
          expect(session.size).toBe(expected.length);
        }
      }),
    );
  });

  test("has no use for another subscription to the same topic", () => {
    const session = new Session(ANONYMOUS);
    session.add(to(1));
    expect(session.remove(to(1))).toBe(false);
    expect(session.size).toBe(1);
  });
});
