import { MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { settled } from "../testing/fake-clock.js";
import { byteLength, Outgoing } from "./outgoing.js";

function opened(sent: string[], maxBytes: number): Outgoing {
  const outgoing = new Outgoing(
    (message) => sent.push(message),
    (id) => {
      throw new Error(`${id} was refused`);
    },
  );
  outgoing.open(maxBytes);
  return outgoing;
}

describe("Outgoing", () => {
  it("sends the frames of one tick in one message", async () => {
    const sent: string[] = [];
    const outgoing = opened(sent, 1000);
    outgoing.push("a", 2);
    outgoing.push("b", 2);
    expect(sent).toEqual([]);
    await settled();
    outgoing.push("c", 2);
    await settled();
    expect(sent).toEqual(["a\nb", "c"]);
  });

  it("keeps order and limits for any frames", async () => {
    const frame = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => JSON.stringify(text));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 200 }), async (frames) => {
        const sent: string[] = [];
        const outgoing = opened(sent, 256);
        for (const each of frames) outgoing.push(each, 2);
        await settled();
        expect(sent.flatMap((message) => message.split("\n"))).toEqual(frames);
        for (const message of sent) {
          const count = message.split("\n").length;
          expect(count).toBeLessThanOrEqual(MAX_COMMANDS_PER_MESSAGE);
          if (count > 1) expect(byteLength(message)).toBeLessThanOrEqual(256);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("keeps what comes before the server's limit, and refuses then what does not fit", async () => {
    const sent: string[] = [];
    const refused: number[] = [];
    const outgoing = new Outgoing(
      (message) => sent.push(message),
      (id) => refused.push(id),
    );
    const large = "x".repeat(11);
    expect(outgoing.fits(large)).toBe(true);
    for (const [frame, id] of [["a", 2] as const, [large, 3] as const, ["b", 4] as const])
      outgoing.push(frame, id);
    await settled();
    expect(sent).toEqual([]);
    outgoing.open(10);
    outgoing.push("last", 5);
    await settled();
    expect(sent.join("\n").split("\n")).toEqual(["a", "b", "last"]);
    expect(refused).toEqual([3]);
    expect([outgoing.fits(large), outgoing.fits("x".repeat(10))]).toEqual([false, true]);
  });
});
