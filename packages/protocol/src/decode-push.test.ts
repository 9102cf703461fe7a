import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { errors } from "./codes.js";
import { decodeFrames } from "./decode-push.js";

const anyText = fc
  .array(fc.nat(0xffff), { maxLength: 200 })
  .map((units) => units.map((unit) => String.fromCharCode(unit)).join(""));

const kinds = new Set(["ping", "reply", "error", "push", "malformed"]);

describe("decodeFrames", () => {
  it("reads any text without throwing, one value per line at most", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.json({ maxDepth: 4 }),
          fc.array(fc.json()).map((all) => all.join("\n")),
        ),
        (text) => {
          const decoded = decodeFrames(text);
          expect(decoded.length).toBeLessThanOrEqual(text.split("\n").length);
          for (const { kind } of decoded) expect(kinds.has(kind)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("goes on after a line that is no frame", () => {
    expect(decodeFrames("nonsense\n{}\r\n[]\n\n{}")).toEqual([
      { kind: "malformed", text: "nonsense" },
      { kind: "ping" },
      { kind: "malformed", text: "[]" },
      { kind: "ping" },
    ]);
  });

  it("lets replies and pushes through that a newer server may send", () => {
    expect(decodeFrames('{"id":4,"history":{"publications":[]}}\n{"gap":{"channel":"a"}}')).toEqual([
      { kind: "reply", id: 4, op: "history", body: { publications: [] } },
      { kind: "push", op: "gap", body: { channel: "a" } },
    ]);
  });

  it("takes the operation wherever the id stands", () => {
    const reply = { kind: "reply", id: 1, op: "publish", body: {} };
    expect(decodeFrames('{"id":1,"publish":{}}\n{"publish":{},"id":1}')).toEqual([reply, reply]);
  });

  it("gives an error only with the four fields of one", () => {
    const { code, name, message, temporary } = errors.forbidden;
    const frame = (error: unknown) => JSON.stringify({ id: 1, error });
    expect(decodeFrames(frame(errors.forbidden))).toEqual([
      { kind: "error", id: 1, error: errors.forbidden },
    ]);
    expect(decodeFrames(frame({ code: 999, name: "new", message: "", temporary: true }))).toMatchObject([
      { kind: "error", error: { code: 999 } },
    ]);
    for (const bad of [
      null,
      1,
      "no",
      [],
      {},
      { code, name, message },
      { code: "1", name, message, temporary },
    ]) {
      expect(decodeFrames(frame(bad))).toEqual([{ kind: "malformed", text: frame(bad) }]);
    }
  });

  it("has nothing to say about an id alone", () => {
    expect(decodeFrames('{"id":1}')).toEqual([{ kind: "malformed", text: '{"id":1}' }]);
  });
});
