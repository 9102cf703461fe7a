import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PartedBody } from "./parted-body.js";

describe("a body in parts", () => {
  it("is the same behind a head as alone, and says its length", () => {
    const elements = fc.array(fc.string({ unit: "binary" }).map((text) => Buffer.from(`,${text}`)));
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, elements, text, (before, list, behind) => {
        const body = new PartedBody(before, list, behind);
        expect(body.length).toBe(body.bytes.length);
        const head = Buffer.from("HTTP/1.1 200 OK\r\nX: \xe4\r\n\r\n", "latin1");
        const whole = body.behind(head.toString("latin1"));
        expect(whole.equals(Buffer.concat([head, body.bytes]))).toBe(true);
      }),
    );
  });
});
