import { describe, expect, it } from "@jest/globals";
import { readSubscribeAnswer } from "../wire/inbound.js";
import { ChannelPosition, type Step } from "./position.js";

/** A read of the channel `news` at an offset of the epoch `a`, or without a position. */
function positionAt(offset: number | undefined): ChannelPosition {
  const read = new ChannelPosition("news");
  read.position = offset === undefined ? undefined : { offset, epoch: "a" };
  return read;
}

/** Steps in short: offsets, gaps as [reason, from, to], "recovered <count>". */
function catchUp(read: ChannelPosition, answer: object): unknown[] {
  return [...read.catchUp(readSubscribeAnswer(answer))].map(short);
}

function short(step: Step): unknown {
  if (step.told === "publication") return step.value.offset;
  if (step.told === "recovered") return `recovered ${step.value.count}`;
  return [step.value.reason, step.value.from, step.value.to];
}

const stored = (...offsets: number[]): object[] => offsets.map((offset) => ({ offset, data: offset }));

describe("a live publication", () => {
  it.each<[string, number | undefined, number, string | undefined, string, object | undefined]>([
    ["is delivered when it is the next one", 4, 5, undefined, "deliver", { offset: 5, epoch: "a" }],
    ["is delivered when it names the same epoch", 4, 5, "a", "deliver", { offset: 5, epoch: "a" }],
    ["is known at the position", 4, 4, undefined, "known", { offset: 4, epoch: "a" }],
    ["is known before the position", 4, 1, "a", "known", { offset: 4, epoch: "a" }],
    ["shows a hole when one is missing", 4, 6, undefined, "hole", { offset: 4, epoch: "a" }],
    ["carries over to another epoch as the next one", 4, 5, "b", "deliver", { offset: 5, epoch: "b" }],
    ["proves nothing in another epoch at a known offset", 4, 4, "b", "hole", { offset: 4, epoch: "a" }],
    ["proves nothing in another epoch further on", 4, 6, "b", "hole", { offset: 4, epoch: "a" }],
    ["begins a position with its epoch", undefined, 9, "b", "deliver", { offset: 9, epoch: "b" }],
    ["cannot begin a position without an epoch", undefined, 9, undefined, "hole", undefined],
  ])("%s", (_what, at, offset, epoch, arrival, position) => {
    const read = positionAt(at);
    expect(read.arrive(offset, epoch)).toBe(arrival);
    expect(read.position).toEqual(position);
  });
});

describe("an epoch that is over", () => {
  it("does not come back by a push, as that is late", () => {
    const read = positionAt(4);
    read.skip({ channel: "news", to: 1, epoch: "b", reason: "epoch" });
    expect(read.arrive(2, "a")).toBe("hole");
    expect(read.skip({ channel: "news", to: 7, epoch: "a", reason: "slow" })).toBe("hole");
    expect(read.arrive(2)).toBe("deliver");
    expect(read.position).toEqual({ offset: 2, epoch: "b" });
  });

  it("may come back by an answer", () => {
    const read = positionAt(4);
    read.arrive(5, "b");
    catchUp(read, { offset: 5, epoch: "a", recovered: true });
    expect([read.arrive(6), read.arrive(7, "b")]).toEqual(["deliver", "hole"]);
  });
});

describe("a gap push", () => {
  const channel = "news";
  it("moves the position, and is told from where the read stood", () => {
    const read = positionAt(4);
    const gap = read.skip({ channel, from: 6, to: 8, reason: "slow" });
    expect(gap).toEqual({ channel, reason: "slow", from: 5, to: 8 });
    expect([read.position, read.arrive(9)]).toEqual([{ offset: 8, epoch: "a" }, "deliver"]);
  });

  it("may change the epoch; then it is not said how many are missing", () => {
    const read = positionAt(4);
    expect(read.skip({ channel, from: 5, to: 2, epoch: "b", reason: "epoch" })).toEqual({
      channel,
      reason: "epoch",
    });
    expect(read.position).toEqual({ offset: 2, epoch: "b" });
  });

  it.each<[string, number | undefined, string]>([
    ["is known when it ends at the position", 4, "known"],
    ["says nothing reliable when it goes back", 3, "hole"],
    ["says nothing reliable without an end", undefined, "hole"],
  ])("%s", (_what, to, expected) => {
    const read = positionAt(4);
    expect(read.skip({ channel, reason: "slow", ...(to !== undefined && { to }) })).toBe(expected);
    expect(read.position).toEqual({ offset: 4, epoch: "a" });
  });

  it("is passed on where there is no position, and begins one if it can", () => {
    const read = positionAt(undefined);
    expect(read.skip({ channel, reason: "slow" })).toEqual({ channel, reason: "slow" });
    expect(read.position).toBeUndefined();
    const gap = { channel, reason: "slow", from: 2, to: 3 };
    expect(read.skip({ ...gap, epoch: "a" })).toEqual(gap);
    expect(read.position).toEqual({ offset: 3, epoch: "a" });
  });
});

describe("catching up", () => {
  it.each<[string, number | undefined, object, unknown[], object | undefined]>([
    ["begins where the answer says", undefined, { offset: 7, epoch: "a" }, [], { offset: 7, epoch: "a" }],
    ["has nothing to say where there is no history", undefined, {}, [], undefined],
    [
      "delivers what was missed, then says so",
      4,
      { offset: 6, epoch: "a", recovered: true, publications: stored(5, 6) },
      [5, 6, "recovered 2"],
      { offset: 6, epoch: "a" },
    ],
    [
      "says that nothing was missed",
      4,
      { offset: 4, epoch: "a", recovered: true },
      ["recovered 0"],
      { offset: 4, epoch: "a" },
    ],
    [
      "goes on in another epoch that the server vouches for",
      4,
      { offset: 5, epoch: "b", recovered: true, publications: stored(5) },
      [5, "recovered 1"],
      { offset: 5, epoch: "b" },
    ],
    [
      "drops what it knows already",
      4,
      { offset: 5, epoch: "a", recovered: true, publications: stored(3, 4, 5, 5) },
      [5, "recovered 1"],
      { offset: 5, epoch: "a" },
    ],
    [
      "tells the gap that the answer hides",
      4,
      { offset: 8, epoch: "a", recovered: true, publications: stored(5, 7, 6, 8) },
      [5, ["unverifiable", 6, 8]],
      { offset: 8, epoch: "a" },
    ],
    [
      "tells the gap of an answer that is cut short",
      4,
      { offset: 8, epoch: "a", recovered: true },
      [["unverifiable", 5, 8]],
      { offset: 8, epoch: "a" },
    ],
    [
      "never goes back in an answer that claims to be complete",
      4,
      { offset: 2, epoch: "a", recovered: true, publications: stored(1, 2) },
      ["recovered 0"],
      { offset: 4, epoch: "a" },
    ],
    [
      "tells the server's verdict",
      4,
      { offset: 9, epoch: "a", recovered: false, reason: "expired" },
      [["expired", 5, 9]],
      { offset: 9, epoch: "a" },
    ],
    [
      "tells a verdict on another epoch, without offsets",
      4,
      { offset: 9, epoch: "b", recovered: false, reason: "epoch" },
      [["epoch", undefined, undefined]],
      { offset: 9, epoch: "b" },
    ],
    [
      "goes back when the server says that the position is ahead of it",
      4,
      { offset: 2, epoch: "a", recovered: false, reason: "unverifiable" },
      [["unverifiable", undefined, undefined]],
      { offset: 2, epoch: "a" },
    ],
    [
      "believes no other epoch that goes back",
      4,
      { offset: 2, epoch: "b", recovered: true },
      [["unverifiable", undefined, undefined]],
      { offset: 2, epoch: "b" },
    ],
    ["takes no verdict for a gap", 4, {}, [["unverifiable", undefined, undefined]], undefined],
    [
      "takes a verdict without a position for a gap",
      4,
      { recovered: true },
      [["unverifiable", undefined, undefined]],
      undefined,
    ],
  ])("%s", (_what, at, answer, steps, position) => {
    const read = positionAt(at);
    expect(catchUp(read, answer)).toEqual(steps);
    expect(read.position).toEqual(position);
  });

  it("stands, when it is stopped, at what was delivered", () => {
    const read = positionAt(4);
    const answer = { offset: 7, epoch: "a", recovered: true, publications: stored(5, 6, 7) };
    for (const step of read.catchUp(readSubscribeAnswer(answer))) if (short(step) === 6) break;
    expect(read.position).toEqual({ offset: 6, epoch: "a" });
  });
});
