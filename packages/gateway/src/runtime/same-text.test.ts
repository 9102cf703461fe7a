import { describe, it } from "@jest/globals";
import fc from "fast-check";
import { isSameText } from "./same-text.js";

const word = fc.string({ unit: fc.constantFrom("a", "Z", "ü", "€", "😀", "\ud800"), maxLength: 4 });

describe("a text that a peer gives", () => {
  it("is the secret one or not, whatever its characters are", () => {
    fc.assert(fc.property(word, word, (a, b) => isSameText(a, b) === Buffer.from(a).equals(Buffer.from(b))));
  });
});
