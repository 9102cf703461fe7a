import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Lives } from "../testing/simulation/lives.js";
import { locate } from "./locate.js";

const TOP = { offset: 9, epoch: "c" };
const LINEAGE = [
  { offset: 6, epoch: "b" },
  { offset: 3, epoch: "a" },
];

describe("a position is one of the log's", () => {
  test.each([
    ["in the same epoch, up to its end", { offset: 9, epoch: "c" }],
    ["at the beginning, when nothing was heard yet", { offset: 0, epoch: "c" }],
    ["in an earlier epoch, up to where it is the same log", { offset: 6, epoch: "b" }],
    ["two epochs ago", { offset: 3, epoch: "a" }],
    ["at the beginning of an earlier epoch", { offset: 0, epoch: "a" }],
  ])("%s", (_, position) => {
    expect(locate(position, { top: TOP, lineage: LINEAGE })).toBeUndefined();
  });
});

describe("a position is none of the log's", () => {
  test.each([
    ["beyond its end", { offset: 10, epoch: "c" }, "unverifiable"],
    ["in an earlier epoch, beyond what was kept of it", { offset: 7, epoch: "b" }, "epoch"],
    ["two epochs ago, beyond it", { offset: 4, epoch: "a" }, "epoch"],
    ["in an epoch that nobody knows", { offset: 1, epoch: "x" }, "epoch"],
    ["in an epoch that nobody knows, at its beginning", { offset: 0, epoch: "x" }, "epoch"],
  ])("%s", (_, position, reason) => {
    expect(locate(position, { top: TOP, lineage: LINEAGE })).toBe(reason);
  });

  test("whatever a log has been through, it is right about every position there ever was", () => {
    // Each life of the log: publications, then a failover that loses the last of them.
    const life = fc.record({ published: fc.nat(5), lost: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(life, { minLength: 1, maxLength: 6 }), (history) => {
        const lives = new Lives();
        let top = { offset: 0, epoch: "e0" };
        let lineage: { offset: number; epoch: string }[] = [];
        lives.begin(top.epoch, undefined);
        const positions = [top];
        for (const [i, { published, lost }] of history.entries()) {
          for (let left = published; left > 0; left--) {
            top = { ...top, offset: top.offset + 1 };
            lives.append(top.epoch, top.offset, "");
            positions.push(top);
          }
          const shared = { offset: Math.max(0, top.offset - lost), epoch: top.epoch };
          lineage = [
            shared,
            ...lineage.map(({ epoch, offset }) => ({ epoch, offset: Math.min(offset, shared.offset) })),
          ];
          top = { offset: shared.offset, epoch: `e${i + 1}` };
          lives.begin(top.epoch, shared);
          positions.push(top);
        }
        for (const position of positions)
          expect(locate(position, { top, lineage }) === undefined).toBe(
            position.offset <= top.offset && lives.shares(position, top.epoch),
          );
      }),
    );
  });
});
