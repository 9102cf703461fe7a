import { describe, expect, it } from "@jest/globals";
import { readInput } from "./terminal.js";

async function* pieces(...texts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* texts;
}

describe("standard input", () => {
  it("is text, also where a piece ends within a character", async () => {
    const text = Buffer.from("Zoë");
    expect(await readInput(pieces(text.subarray(0, 3), text.subarray(3)), 4)).toBe("Zoë");
  });

  it("is refused in another encoding than UTF-8, since it would be another text", async () => {
    await expect(readInput(pieces(Buffer.from("Zoë", "latin1")), 9)).rejects.toThrow("is not UTF-8");
  });

  it("is refused where it has more bytes", async () => {
    await expect(readInput(pieces(Buffer.alloc(9), Buffer.alloc(1)), 9)).rejects.toThrow("more than 9 bytes");
  });
});
