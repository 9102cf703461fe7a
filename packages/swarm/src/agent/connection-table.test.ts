import { describe, expect, test } from "@jest/globals";
import { ConnectionTable, OPEN, OVER } from "./connection-table.js";

function openRoll(connections: number): ConnectionTable {
  const table = new ConnectionTable(connections);
  for (let seat = 0; seat < connections; seat++) table.move(seat, OPEN);
  return table;
}

describe("the connection table", () => {
  test("tells once, missing, repeated and lost apart", () => {
    const table = openRoll(4);
    expect(table.connected).toBe(4);
    table.expect(1);
    table.hear(0, 1, 500);
    table.hear(1, 1, 900);
    table.hear(1, 1, 1_000);
    table.move(3, OVER);
    expect(table.tally()).toMatchObject({
      round: 1,
      expected: 4,
      once: 1,
      repeated: 1,
      missing: 1,
      lost: 1,
      lastMicros: 900,
    });
  });

  test("a connection that comes after the beginning of a round is not counted in it", () => {
    const table = new ConnectionTable(2);
    table.move(0, OPEN);
    table.expect(1);
    table.move(1, OPEN);
    table.hear(1, 1, 1);
    expect(table.tally()).toMatchObject({ expected: 1, missing: 1 });
  });

  test("what belongs to another round is not taken for this one", () => {
    const table = openRoll(1);
    table.expect(1);
    table.hear(0, 1, 1);
    table.expect(2);
    table.hear(0, 1, 1);
    expect(table.tally()).toMatchObject({ round: 2, once: 0, missing: 1 });
  });

  test("hundreds of receipts stay repeated", () => {
    const table = openRoll(1);
    table.expect(1);
    for (let n = 0; n < 257; n++) table.hear(0, 1, 1);
    expect(table.tally()).toMatchObject({ once: 0, repeated: 1 });
  });
});
