import { channelTopic } from "@holdfast/core";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { PlacementEvents, SiblingHome } from "./placement.js";
import { SharedTopic } from "./shared-topic.js";

const NEWS = channelTopic("news");

describe("SharedTopic", () => {
  let told: string[];
  let shared: SharedTopic;
  const ignored: PlacementEvents = { confirmed() {}, refused() {}, payload() {}, skipped() {} };
  const home = (slot: number): SiblingHome => ({ slot, subscribe() {}, unsubscribe() {} });
  const [old, next] = [home(0), home(1)];

  beforeEach(() => {
    told = [];
    shared = new SharedTopic(NEWS, {
      payload: (_topic, payload) => told.push(payload.toString()),
      skipped: () => told.push("skipped"),
    });
    shared.seek(old, ignored, false);
    confirm(shared.current);
    shared.confirmed();
  });

  function confirm(placement: SharedTopic["current"]): void {
    if (placement !== undefined) placement.phase = "confirmed";
  }

  function bring(placement: SharedTopic["current"], ...payloads: string[]): void {
    if (placement === undefined) throw new Error("no placement");
    for (const payload of payloads) shared.payload(placement, Buffer.from(payload));
  }

  function move(): void {
    shared.move(next, ignored);
    confirm(shared.next);
    shared.mark = "m.0";
  }

  test("moves between fences: each payload once, whichever home is faster", () => {
    move();
    const [from, to] = [shared.current, shared.next];
    bring(from, "1");
    bring(to, "1", "2");
    expect(shared.fenced(next, "m.0")).toBe(false);
    bring(to, "3", "4");
    bring(from, "2");
    expect(told).toEqual(["1", "2"]);
    expect(shared.fenced(old, "m.0")).toBe(true);
    bring(from, "3", "4", "5");
    bring(to, "5");
    expect(told).toEqual(["1", "2", "3", "4", "5"]);
    expect(shared.isSettled).toBe(true);
  });

  test("moves where the old home is ahead", () => {
    move();
    const [from, to] = [shared.current, shared.next];
    bring(from, "1", "2");
    expect(shared.fenced(old, "m.0")).toBe(false);
    bring(from, "3");
    bring(to, "1", "2");
    expect(shared.fenced(next, "m.0")).toBe(true);
    bring(to, "3");
    expect(told).toEqual(["1", "2", "3"]);
  });

  test("after a loss what another home brings counts from its fence on, and the rest is in doubt", () => {
    bring(shared.current, "1", "2");
    expect(shared.current !== undefined && shared.lost(shared.current)).toBe(true);
    shared.seek(next, ignored, true);
    bring(shared.current, "1");
    confirm(shared.current);
    shared.mark = "m.1";
    bring(shared.current, "2");
    expect(told).toEqual(["1", "2"]);
    expect(shared.fenced(old, "m.1")).toBe(false);
    expect(shared.fenced(next, "m.1")).toBe(true);
    bring(shared.current, "3");
    expect(told).toEqual(["1", "2", "skipped", "3"]);
  });

  test("the old home is lost on the way: the next one counts from its own fence on", () => {
    move();
    const [from, to] = [shared.current, shared.next];
    bring(from, "1");
    expect(from !== undefined && shared.lost(from)).toBe(false);
    bring(to, "1");
    expect(told).toEqual(["1"]);
    expect(shared.fenced(next, "m.0")).toBe(true);
    bring(to, "2");
    expect(told).toEqual(["1", "skipped", "2"]);
  });

  test("the next home is lost behind the old one's fence: it stays, and what was passed over is in doubt", () => {
    move();
    const [from, to] = [shared.current, shared.next];
    shared.fenced(old, "m.0");
    bring(from, "1");
    if (to !== undefined) shared.lost(to);
    bring(from, "2");
    expect(told).toEqual(["skipped", "2"]);
    expect(shared.isSettled).toBe(true);
  });

  test("a fence of an earlier move means nothing to a later one", () => {
    move();
    shared.abandonMove();
    shared.move(next, ignored);
    confirm(shared.next);
    expect(shared.fenced(next, "m.0")).toBe(true);
    expect(shared.next?.phase).toBe("confirmed");
  });

  test("what the next home leaves out is told when it is delivered; before its fence it is not missed", () => {
    move();
    const to = shared.next;
    if (to === undefined) throw new Error("no move");
    shared.skipped(to);
    shared.fenced(next, "m.0");
    shared.skipped(to);
    expect(told).toEqual([]);
    shared.fenced(old, "m.0");
    expect(told).toEqual(["skipped"]);
  });

  test("a move that would hold too much ends, in doubt", () => {
    move();
    const [from, to] = [shared.current, shared.next];
    shared.fenced(next, "m.0");
    const large = "x".repeat(3 * 1024 * 1024);
    bring(to, large, large);
    bring(from, "late");
    expect(told.map((each) => each.slice(0, 7))).toEqual(["skipped", "xxxxxxx", "xxxxxxx"]);
  });
});
