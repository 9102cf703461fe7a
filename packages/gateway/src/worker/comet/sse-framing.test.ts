import type { Message } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EventFraming, NumberedFraming } from "./sse-framing.js";
import { EventReader } from "./testing/event-reader.js";

const at = (offset: number) => ({ channel: "news", position: { offset, epoch: "k3" } });

function read(bytes: Uint8Array): EventReader {
  const reader = new EventReader();
  reader.feed(Buffer.from(bytes).toString());
  return reader;
}

describe("events", () => {
  it("have their text as data, whatever it is and however many lines", () => {
    const text = fc.string({ unit: "grapheme" }).map((each) => each.replaceAll("\r", ""));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (texts) => {
        const framing = new EventFraming();
        const bytes = framing.frameAll(texts.map((each) => ({ said: each, at: undefined })));
        expect(read(bytes).events.map(({ data }) => data)).toEqual(texts);
        expect(framing.endings(bytes)).toBeUndefined();
      }),
    );
  });

  it("say where they end and where they lead, for the code that adds the ids", () => {
    const framing = new EventFraming();
    const messages: Message[] = [
      { said: '"é"', at: at(1) },
      { said: "[]", at: undefined },
      { said: "{}", at: at(2) },
    ];
    const bytes = framing.frameAll(messages);
    const endings = framing.endings(bytes) ?? [];
    expect(endings.map(({ at: mark }) => mark?.position.offset)).toEqual([1, undefined, 2]);
    let start = 0;
    const texts = endings.map(({ end }) => {
      const text = Buffer.from(bytes.subarray(start, end)).toString();
      start = end;
      return text;
    });
    expect(texts).toEqual(['data: "é"\n\n', "data: []\n\n", "data: {}\n\n"]);
  });

  it("of one channel carry their ids themselves, each its own", () => {
    const bytes = new NumberedFraming().frameAll([
      { said: "1", at: at(1) },
      { said: "2", at: undefined },
      { said: "3", at: at(3) },
    ]);
    expect(read(bytes).events.map(({ data, id }) => [data, id])).toEqual([
      ["1", ";;;news=1:k3"],
      ["2", ";;;news=1:k3"],
      ["3", ";;;news=3:k3"],
    ]);
  });
});
