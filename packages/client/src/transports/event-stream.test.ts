import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EventStreamParser, MAX_EVENT_LENGTH } from "./event-stream.js";

describe("an event stream", () => {
  it.each([
    ["data: a\n\n", ["a"]],
    ["data:a\r\n\r\ndata: b\r\r", ["a", "b"]],
    ["data: a\ndata: b\n\n", ["a\nb"]],
    ["data\n\n", [""]],
    ["data:  a\n\n", [" a"]],
    [": comment\n\n", []],
    ["id: 7\nretry: 5\ndata: a\n\n", ["a"]],
    ["datax: a\n\n", []],
    ["data: a", []],
    ["data: a\u2028b\u0085c\n\n", ["a\u2028b\u0085c"]],
  ])("reads %j", (text, events) => {
    const expected = events.map((data) => ({ name: "", data }));
    expect(new EventStreamParser().push(`${text}\n`)).toEqual(expected);
  });

  it("reads names, each for one event", () => {
    expect(
      new EventStreamParser().push("event: close\ndata: a\n\ndata: b\n\nevent: c\n\ndata: d\n\n"),
    ).toEqual([
      { name: "close", data: "a" },
      { name: "", data: "b" },
      { name: "", data: "d" },
    ]);
  });

  it("reads the same however it is cut", () => {
    const line = fc.constantFrom("data: a", "event: e", 'data:{"b":1}', "data", ": c", "id: 1", "", "");
    const end = fc.constantFrom("\n", "\r\n", "\r");
    const stream = fc.array(
      fc.tuple(line, end).map((both) => both.join("")),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(stream, fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }), (lines, sizes) => {
        const text = `${lines.join("")}x`;
        const whole = new EventStreamParser().push(text);
        const cut = new EventStreamParser();
        const events: object[] = [];
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = (sizes[i % sizes.length] ?? 0) + 1;
          events.push(...cut.push(text.slice(at, at + size)));
          at += size;
        }
        expect(events).toEqual(whole);
      }),
    );
  });

  it("ends with an event that does not", () => {
    const stream = new EventStreamParser();
    const part = "x".repeat(MAX_EVENT_LENGTH / 2);
    stream.push(`data: ${part}`);
    expect(() => stream.push(part)).toThrow("endless event");
  });
});
