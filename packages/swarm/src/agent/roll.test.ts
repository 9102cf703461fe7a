import { describe, expect, test } from "@jest/globals";
import { OPEN, OVER, Roll } from "./roll.js";

function openRoll(connections: number): Roll {
  const roll = new Roll(connections);
  for (let seat = 0; seat < connections; seat++) roll.move(seat, OPEN);
  return roll;
}

describe("the roll", () => {
  test("tells once, missing, repeated and lost apart", () => {
    const roll = openRoll(4);
    expect(roll.connected).toBe(4);
    roll.expect(1);
    roll.hear(0, 1, 500);
    roll.hear(1, 1, 900);
    roll.hear(1, 1, 1_000);
    roll.move(3, OVER);
    expect(roll.tally()).toMatchObject({
      round: 1,
      expected: 4,
      once: 1,
      repeated: 1,
      missing: 1,
      lost: 1,
      lastMicros: 900,
    });
  });

  test("who comes after the beginning of a round is not counted in it", () => {
    const roll = new Roll(2);
    roll.move(0, OPEN);
    roll.expect(1);
    roll.move(1, OPEN);
    roll.hear(1, 1, 1);
    expect(roll.tally()).toMatchObject({ expected: 1, missing: 1 });
  });

  test("what belongs to another round is not taken for this one", () => {
    const roll = openRoll(1);
    roll.expect(1);
    roll.hear(0, 1, 1);
    roll.expect(2);
    roll.hear(0, 1, 1);
    expect(roll.tally()).toMatchObject({ round: 2, once: 0, missing: 1 });
  });

  test("hundreds of receipts stay repeated", () => {
    const roll = openRoll(1);
    roll.expect(1);
    for (let n = 0; n < 257; n++) roll.hear(0, 1, 1);
    expect(roll.tally()).toMatchObject({ once: 0, repeated: 1 });
  });
});
