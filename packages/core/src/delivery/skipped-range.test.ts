import { decodeFrames, type Position } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { codecs } from "../codec/codecs.js";
import { Batch, type Pushed } from "./batch.js";
import { gapPush, publicationPush } from "./push.js";
import { SkippedRange } from "./skipped-range.js";

const at = (offset: number, epoch = "a"): Position => ({ offset, epoch });

/** One publication of the channel `c`. */
function publication(offset: number | undefined, epoch = "a"): Batch {
  const batch = new Batch(0);
  const span = offset === undefined ? undefined : { from: at(offset - 1, epoch), to: at(offset, epoch) };
  batch.add(publicationPush("c", "1", offset), span);
  return batch;
}

function skipped(...batches: Batch[]): SkippedRange {
  const behind = new SkippedRange();
  for (const batch of batches) behind.skip(batch, undefined);
  return behind;
}

/** What the subscription is told, shortly: the offset of a publication, the body of a gap. */
function told(behind: SkippedRange, ...kept: Batch[]): unknown[] {
  const pushed: readonly Pushed[] = kept.flatMap((batch) => batch.pushed);
  return behind
    .catchUp("c", pushed, 0)
    .pushed.flatMap(({ push }) => decodeFrames(String(codecs.objects.push(push))))
    .map((frame) => (frame.kind === "push" ? (frame.body as Readonly<Record<string, unknown>>) : {}))
    .map((body) => body.offset ?? body);
}

describe("a connection that is behind", () => {
  test("is told of all it missed in one gap", () => {
    const behind = skipped(publication(5), publication(6), publication(7));
    expect(behind.skipped).toBe(3);
    expect(told(behind)).toEqual([{ channel: "c", from: 5, to: 7, epoch: "a", reason: "slow" }]);
  });

  test("gets what was kept, and gaps for what lies between", () => {
    const [third, fifth, sixth] = [publication(3), publication(5), publication(6)];
    const behind = skipped(publication(1), publication(2), third, publication(4), fifth, sixth);
    expect(told(behind, third, fifth, sixth)).toMatchObject([
      { from: 1, to: 2 },
      3,
      { from: 4, to: 4 },
      5,
      6,
    ]);
  });

  test("is told of no gap when nothing is lost", () => {
    const only = publication(9);
    expect(told(skipped(only), only)).toEqual([9]);
  });

  test("is told without offsets where there are none", () => {
    const [first, second] = [publication(undefined), publication(undefined)];
    expect(told(skipped(first, second))).toEqual([{ channel: "c", reason: "slow" }]);
    expect(told(skipped(first, second), second)).toMatchObject([{ reason: "slow" }, { data: 1 }]);
    expect(told(skipped(second), second)).toMatchObject([{ data: 1 }]);
  });

  test("is told of a gap of the channel itself, and of the epoch that goes on", () => {
    const broken = new Batch(0);
    const gap = { channel: "c", from: 9, to: 3, epoch: "b", reason: "epoch" } as const;
    broken.add(gapPush(gap), { from: at(8, "b"), to: at(3, "b") });
    const after = publication(4, "b");
    const slow = { channel: "c", from: 8, epoch: "b", reason: "slow" };
    expect(told(skipped(publication(8), broken, after), after)).toEqual([{ ...slow, to: 3 }, 4]);
    expect(told(skipped(publication(8), broken))).toEqual([{ ...slow, to: 3 }]);
  });
});
