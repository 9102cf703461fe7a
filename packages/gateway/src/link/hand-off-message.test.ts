import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeTravel, encodeTravel, type TravelKind } from "./hand-off-message.js";

describe("a hand-off message", () => {
  it("arrives as it was sent, whatever the head", () => {
    const kind = fc.constantFrom<TravelKind>("handOff", "misplaced", "copy");
    const about = fc.constantFrom("", "192.0.2.1", "2001:db8::1", "8080");
    const head = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(kind, about, head, (kind, about, head) => {
        const sent = JSON.parse(JSON.stringify(encodeTravel(kind, about, head))) as unknown;
        expect(decodeTravel(sent)).toEqual({ kind, about, head });
      }),
    );
  });

  it.each([[undefined], [null], [7], [{ type: "sticky:connection" }], [""], ["h"], ["x\nhead"]])(
    "is not %j",
    (message) => {
      expect(decodeTravel(message)).toBeUndefined();
    },
  );
});
