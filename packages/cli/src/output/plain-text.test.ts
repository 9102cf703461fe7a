import { describe, expect, it } from "@jest/globals";
import { cutTo, fitted, plainText, widthOf } from "./plain-text.js";

describe("plain text", () => {
  it.each([
    ["\x1b[2Jada", "\\u{1b}[2Jada"],
    ["a\r\nb\tc\x07", "a\\u{d}\\u{a}b\\u{9}c\\u{7}"],
    ["\x9b31mred", "\\u{9b}31mred"],
    ["a\u202eb\u2066c\u200d", "a\\u{202e}b\\u{2066}c\\u{200d}"],
    ["a\ud800b\u2028", "a\\u{d800}b\\u{2028}"],
  ])("shows what a terminal would obey: %j", (text, shown) => {
    expect(plainText(text)).toBe(shown);
  });

  it("leaves letters of all scripts and emoji as they are", () => {
    for (const text of ["Ada", "Zoë", "日本語", "👍", "e\u0301", "~|!"]) expect(plainText(text)).toBe(text);
  });

  it.each([
    ["ada", 3],
    ["Zoë", 3],
    ["e\u0301", 1],
    ["日本語", 6],
    ["한국", 4],
    ["ｆｕｌｌ", 8],
    ["👍a", 3],
    ["…", 1],
  ])("is as wide as a terminal has it: %s", (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  it("is cut between characters, never wider than asked", () => {
    expect(cutTo("channel", 7)).toBe("channel");
    expect(cutTo("channel", 5)).toBe("chan…");
    expect(cutTo("日本語", 5)).toBe("日本…");
    expect(cutTo("日本語", 4)).toBe("日…");
    expect(cutTo("abc", 0)).toBe("");
  });

  it("fills a column on the side that is asked for", () => {
    expect(fitted("日", 4)).toBe("日  ");
    expect(fitted("12", 4, "right")).toBe("  12");
    expect(fitted("日本語", 4)).toBe("日… ");
  });
});
