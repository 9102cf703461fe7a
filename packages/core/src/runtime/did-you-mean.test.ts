import { describe, expect, it } from "@jest/globals";
import { didYouMean, suggestion } from "./did-you-mean.js";

describe("the nearest word", () => {
  it.each([
    ["prot", "port"],
    ["adminport", "adminPort"],
    ["pingIntervall", "pingInterval"],
    ["HOLDFAST_PROT", "HOLDFAST_PORT"],
  ])("is found for %s", (word, found) => {
    expect(didYouMean(word, ["host", "port", "adminPort", "pingInterval", "HOLDFAST_PORT"])).toBe(found);
  });

  it("is none when nothing is near", () => {
    expect(didYouMean("colour", ["host", "port"])).toBeUndefined();
    expect(suggestion("colour", ["host"])).toBe("");
  });

  it("becomes a question in a message", () => {
    expect(suggestion("hots", ["host"])).toBe(" (did you mean host?)");
  });
});
