import { describe, expect, it } from "@jest/globals";
import { widthOf } from "./plain-text.js";
import { type TableColumn, table, tableText } from "./table.js";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const COLUMNS: readonly TableColumn<Row>[] = [
  { title: "NAME", text: ({ name }) => name, cuts: true },
  { title: "COUNT", text: ({ count }) => String(count), align: "right" },
  { title: "NOTE", text: ({ note }) => note, rank: 2 },
];
const ROWS: readonly Row[] = [
  { name: "a-channel-with-a-long-name", count: 7, note: "first" },
  { name: "日本語", count: 1234, note: "second" },
];

describe("a table", () => {
  it("has texts left and figures right, as wide as the widest cell", () => {
    expect(tableText(COLUMNS, ROWS).split("\n")).toEqual([
      "NAME                        COUNT  NOTE",
      "a-channel-with-a-long-name      7  first",
      "日本語                       1234  second",
    ]);
  });

  it("cuts texts first, then leaves columns out by rank", () => {
    expect(tableText(COLUMNS, ROWS, { width: 30 }).split("\n")).toEqual([
      "NAME             COUNT  NOTE",
      "a-channel-with…      7  first",
      "日本語            1234  second",
    ]);
    expect(tableText(COLUMNS, ROWS, { width: 22 }).split("\n")).toEqual([
      "NAME             COUNT",
      "a-channel-with…      7",
      "日本語            1234",
    ]);
  });

  it.each([0, 1, 5, 12, 19, 25, 33])("is never wider than %d columns", (width) => {
    const { head, lines } = table(COLUMNS, ROWS, { width });
    for (const line of [head, ...lines]) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  it("shows what a terminal would obey", () => {
    expect(tableText(COLUMNS, [{ name: "\x1b[31m", count: 1, note: "a\nb" }])).toBe(
      "NAME        COUNT  NOTE\n\\u{1b}[31m      1  a\\u{a}b",
    );
  });
});
