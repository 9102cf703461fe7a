import { describe, expect, it } from "@jest/globals";
import { rateText, shareText, sizeText, spanText, timeText } from "./figures.js";

describe("figures", () => {
  it("are a dash where they are not known", () => {
    expect([rateText(undefined), sizeText(undefined), shareText(undefined)]).toEqual(["-", "-", "-"]);
  });

  it("have a decimal where they are small", () => {
    expect([0, 0.4, 9.96, 12.4, 12_345.6].map(rateText)).toEqual(["0", "0.4", "10.0", "12", "12,346"]);
    expect([0, 0.004, 0.5, 1].map(shareText)).toEqual(["0 %", "0.4 %", "50 %", "100 %"]);
    expect([0, 1023, 1536].map(sizeText)).toEqual(["0 B", "1023 B", "1.5 KiB"]);
  });

  it("are times in two units", () => {
    const spans = [-5, 340, 12_000, 125_000, 7_200_000, 90_061_000];
    expect(spans.map(spanText)).toEqual(["0 ms", "340 ms", "12 s", "2 min 5 s", "2 h", "1 d 1 h"]);
    expect(timeText(0)).toBe("1970-01-01 00:00:00");
  });
});
