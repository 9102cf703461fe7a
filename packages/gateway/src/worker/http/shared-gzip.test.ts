import { gunzipSync } from "node:zlib";
import { FakeClock } from "@holdfast/core/testing";
import { beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PollFraming } from "../comet/poll-framing.js";
import { PartedBody } from "./parted-body.js";
import { SharedGzip } from "./shared-gzip.js";

const counts = new Map<string, number>();
const metrics = {
  add: (name: string, amount: number) => void counts.set(name, (counts.get(name) ?? 0) + amount),
};
const framing = new PollFraming();
const from = (elements: Uint8Array): number | undefined => framing.compressFrom(elements);
let clock: FakeClock;
let gzip: SharedGzip;

beforeEach(() => {
  counts.clear();
  clock = new FakeClock();
  gzip = new SharedGzip(clock, metrics);
});

function batch(texts: readonly string[], compressFrom: number | undefined = 1): Uint8Array {
  return framing.frameAll(
    texts.map((said) => ({ said, at: undefined })),
    compressFrom,
  );
}

const QUOTE = JSON.stringify({ text: "a quote that is said again. ".repeat(40) });

describe("an answer as gzip", () => {
  it("is the body, whatever it is put together of", () => {
    const texts = fc.array(
      fc.oneof(
        fc.json(),
        fc.json().map((each) => `"${"again ".repeat(300)}"${each.length}`),
      ),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    const part = fc.oneof(
      texts.map((each) => batch(each)),
      texts.map((each) => framing.frame(each.join("\n"))),
      fc.nat(70_000).map((length) => framing.frame(`"${"x".repeat(length)}"`)),
    );
    fc.assert(
      fc.property(fc.string(), fc.array(part, { maxLength: 6 }), fc.string(), (head, parts, tail) => {
        clock.advance(0);
        const answer = new PartedBody(head, parts, tail);
        const made = gzip.compress(answer, from);
        if (made === undefined) return;
        expect(made.length).toBeLessThan(answer.bytes.length);
        expect(gunzipSync(made).toString()).toBe(answer.bytes.toString());
      }),
      { numRuns: 40 },
    );
  });

  it("compresses a batch once for all sessions, first or not", () => {
    const shared = batch([QUOTE, QUOTE]);
    const own = framing.frame('{"hello":1}');
    const answers = [[shared], [own, shared], [shared, own], [shared]].map(
      (elements, i) => new PartedBody(`{"sid":"s${i}","frames":[`, elements, "]}\n"),
    );
    for (const answer of answers) {
      const made = gzip.compress(answer, from);
      expect(made && gunzipSync(made).toString()).toBe(answer.bytes.toString());
      expect(() => JSON.parse(answer.bytes.toString())).not.toThrow();
    }
    expect(counts.get("deflated")).toBe(1);
    expect(counts.get("deflate_input_bytes")).toBe(shared.length - 1);
  });

  it("leaves what is the session's own as it is: secrets are not compressed beside what others wrote", () => {
    const head = `{"sid":"s","cursor":"${"secret".repeat(20)}","frames":[`;
    const made = gzip.compress(new PartedBody(head, [batch([`"${"secret".repeat(200)}"`])], "]}\n"), from);
    expect(made?.includes(head)).toBe(true);
  });

  it("is undefined for what is one session's alone, below the minimum, and where nothing shrinks", () => {
    const of = (elements: Uint8Array) => gzip.compress(new PartedBody("{", [elements], "}"), from);
    expect(of(framing.frame(QUOTE))).toBeUndefined();
    expect(of(framing.frameAll([{ said: QUOTE, at: undefined }]))).toBeUndefined();
    expect(of(batch([QUOTE], QUOTE.length + 1))).toBeUndefined();
    expect(of(batch([QUOTE], QUOTE.length))).toBeDefined();
    expect(of(batch(["abcdefgh"]))).toBeUndefined();
    expect(gzip.compress(new PartedBody("{", [], "}"), from)).toBeUndefined();
  });

  it("of more than 256 KiB in a turn of the loop is plain, and the next turn compresses again", () => {
    const large = (): PartedBody => new PartedBody("{", [batch([`"${"y".repeat(100_000)}"`])], "}");
    const answers = [large(), large(), large()];
    expect(answers.map((each) => gzip.compress(each, from) !== undefined)).toEqual([true, true, false]);
    clock.advance(0);
    expect(answers.map((each) => gzip.compress(each, from) !== undefined)).toEqual([true, true, true]);
    expect(counts.get("deflated")).toBe(3);
  });
});
