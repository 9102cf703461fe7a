/**
 * Frames as JSON text: what is written by hand is what JSON.stringify writes.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeReply } from "./encode.js";
import type { FrameValue } from "./frame-encoding.js";
import { frameText } from "./json-encoding.js";

describe("the text of a frame", () => {
  test("is that of JSON.stringify, whatever its names, texts and numbers are", () => {
    const value = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 });
    fc.assert(
      fc.property(value, (tree) => {
        expect(frameText(tree as FrameValue)).toBe(JSON.stringify(tree));
      }),
    );
  });

  test.each([
    ["what needs an escape", 'a"b\\c\nd\u0000\u2028\ud800'],
    ["nothing at all", ""],
    ["a channel", "room:news.v1-a_b"],
    ["letters beyond ASCII", "ſtraße"],
  ])("quotes %s", (_, text) => {
    expect(frameText({ [text]: text })).toBe(JSON.stringify({ [text]: text }));
  });

  test.each([-0, 0.1, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, Number.NaN, Number.POSITIVE_INFINITY])(
    "writes the number %p",
    (number) => {
      expect(frameText(number)).toBe(JSON.stringify(number));
    },
  );
});

describe("an answer", () => {
  test("keeps each member in its place, publications and members behind what says what they are", () => {
    const body = {
      sid: "s",
      serverTime: 1,
      resumed: true,
      ping: 1,
      pongTimeout: 1,
      limits: { maxPayload: 1, maxChannels: 1, commandRate: 1 },
      subs: {
        // As a name of its own.
        ["__proto__"]: {},
        "room:a": {
          offset: 2,
          epoch: "x",
          recovered: true,
          publications: [
            { offset: 1, data: "{}" },
            { offset: 2, data: Uint8Array.of(1) },
          ],
          presence: { version: 1, users: 1, sessions: 1, members: ['{"session":"a"}'] },
        },
      },
    };
    expect(encodeReply(7, "connect", body as never)).toBe(
      '{"id":7,"connect":{"sid":"s","serverTime":1,"resumed":true,"ping":1,"pongTimeout":1,' +
        '"limits":{"maxPayload":1,"maxChannels":1,"commandRate":1},"subs":{"__proto__":{},' +
        '"room:a":{"offset":2,"epoch":"x","recovered":true,"publications":[{"offset":1,"data":{}},' +
        '{"offset":2,"data":"AQ==","bytes":true}],' +
        '"presence":{"version":1,"users":1,"sessions":1,"members":[{"session":"a"}]}}}}}',
    );
  });
});
