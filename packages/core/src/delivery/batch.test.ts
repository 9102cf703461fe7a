import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type CodecName, codecs } from "../codec/codecs.js";
import { TextFraming } from "../testing/fake-transport.js";
import { Batch } from "./batch.js";
import { messagePush, weightOf } from "./push.js";

const LIMIT = 64 * 1024;

function batchOf(...data: string[]): Batch {
  const batch = new Batch(0);
  for (const each of data) batch.add(messagePush(each));
  return batch;
}

function messages(batch: Batch, name: CodecName, framing = new TextFraming()): string[] {
  return framing.messages(batch.bytesFor(codecs[name], framing));
}

describe("a batch", () => {
  test("of one publication is one message in every encoding", () => {
    const batch = batchOf("1");
    expect(messages(batch, "lines")).toEqual(['{"message":{"data":1}}']);
    expect(messages(batch, "objects")).toEqual(['{"message":{"data":1}}']);
    expect(messages(batch, "raw")).toEqual(["1"]);
  });

  test("of several is one message of lines, and one message each for plain clients", () => {
    const batch = batchOf("1", "2", "3");
    expect(messages(batch, "lines")).toEqual([
      '{"message":{"data":1}}\n{"message":{"data":2}}\n{"message":{"data":3}}',
    ]);
    expect(messages(batch, "objects")).toEqual([
      '{"message":{"data":1}}',
      '{"message":{"data":2}}',
      '{"message":{"data":3}}',
    ]);
    expect(messages(batch, "raw")).toEqual(["1", "2", "3"]);
  });

  test("is encoded once per encoding and framing, however many ask", () => {
    const batch = batchOf("1", "2");
    const [a, b] = [new TextFraming(), new TextFraming()];
    const first = batch.bytesFor(codecs.lines, a);
    for (let i = 0; i < 100; i++) {
      expect(batch.bytesFor(codecs.lines, a)).toBe(first);
      batch.bytesFor(codecs.lines, b);
      batch.bytesFor(codecs.objects, a);
      batch.bytesFor(codecs.raw, b);
    }
    expect(a.framed).toBe(1 + 2);
    expect(b.framed).toBe(1 + 2);
  });

  test("knows its size and weight", () => {
    const batch = batchOf("1", "22");
    expect(batch.size).toBe(2);
    expect(batch.chars).toBe(weightOf(messagePush("1")) + weightOf(messagePush("22")));
  });

  test("splits lines that would make a message too long, in order", () => {
    const data = Array.from({ length: 10 }, (_, i) => JSON.stringify(`${i}`.repeat(20_000)));
    const split = messages(batchOf(...data), "lines");
    expect(split.length).toBeGreaterThan(3);
    for (const message of split) expect(message.length).toBeLessThanOrEqual(LIMIT);
    expect(split.join("\n")).toBe(data.map((each) => `{"message":{"data":${each}}}`).join("\n"));
  });

  test("leaves a publication whole that is too long by itself", () => {
    const long = JSON.stringify("x".repeat(2 * LIMIT));
    expect(messages(batchOf("1", long, "2"), "lines")).toEqual([
      '{"message":{"data":1}}',
      `{"message":{"data":${long}}}`,
      '{"message":{"data":2}}',
    ]);
  });
});

/** Writes down what a framing is told of compression. */
class CompressFroms extends TextFraming {
  readonly heard: (number | undefined)[] = [];

  override frame(text: string, compressFrom?: number): Uint8Array {
    this.heard.push(compressFrom);
    return super.frame(text);
  }
}

describe("compression", () => {
  function heardFor(batch: Batch, name: CodecName = "raw"): readonly (number | undefined)[] {
    const framing = new CompressFroms();
    batch.bytesFor(codecs[name], framing);
    return framing.heard;
  }

  test("may be had by the messages of a batch that is shared, and by no others", () => {
    const shared = new Batch(0, "c", 300);
    shared.add(messagePush("1"));
    expect(heardFor(shared)).toEqual([300]);
    shared.add(messagePush("2"));
    const two = new Batch(0, "c", 300);
    for (const data of ["1", "2"]) two.add(messagePush(data));
    expect(heardFor(two)).toEqual([300, 300]);
    expect(heardFor(two, "lines")).toEqual([300]);
    expect(heardFor(batchOf("1", "2"))).toEqual([undefined, undefined]);
  });

  test("ends after 256 Ki characters of a batch", () => {
    const batch = new Batch(0, "c", 1);
    for (let i = 0; i < 5; i++) batch.add(messagePush(JSON.stringify("x".repeat(64 * 1024 - 2))));
    expect(heardFor(batch)).toEqual([1, 1, 1, 1, undefined]);
  });
});

test("whatever is batched, every encoding has each publication once and in order, and no message of several is too long", () => {
  const data = fc.oneof(
    fc.json({ maxDepth: 2 }),
    fc.integer({ min: 10_000, max: 70_000 }).map((n) => JSON.stringify("é".repeat(n))),
  );
  fc.assert(
    fc.property(fc.array(data, { minLength: 1, maxLength: 20 }), (all) => {
      const batch = batchOf(...all);
      const pushes = all.map((each) => `{"message":{"data":${each}}}`);
      const lines = messages(batch, "lines");
      expect(lines.join("\n")).toBe(pushes.join("\n"));
      for (const line of lines) if (line.includes("\n")) expect(line.length).toBeLessThanOrEqual(LIMIT);
      expect(messages(batch, "objects")).toEqual(pushes);
      expect(messages(batch, "raw")).toEqual(all);
    }),
  );
});
