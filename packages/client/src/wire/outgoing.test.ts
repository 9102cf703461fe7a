import { MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { settled } from "../testing/fake-clock.js";
import { byteLength, Outgoing } from "./outgoing.js";

describe("Outgoing", () => {
  it("sends the frames of one tick in one message", async () => {
    const sent: string[] = [];
    const outgoing = new Outgoing(
      (message) => sent.push(message),
      () => 1000,
    );
    outgoing.push("a");
    outgoing.push("b");
    expect(sent).toEqual([]);
    await settled();
    outgoing.push("c");
    await settled();
    expect(sent).toEqual(["a\nb", "c"]);
  });

  it("keeps order and limits for any frames", async () => {
    const frame = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => JSON.stringify(text));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 200 }), async (frames) => {
        const sent: string[] = [];
        const outgoing = new Outgoing(
          (message) => sent.push(message),
          () => 256,
        );
        for (const each of frames) outgoing.push(each);
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
});
