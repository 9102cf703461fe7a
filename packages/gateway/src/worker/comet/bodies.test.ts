import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readPoll, readSend } from "./bodies.js";

describe("the body of a poll", () => {
  it("begins a session by channels or by commands", () => {
    expect(readPoll('{"channels":["a","b","a"]}', 4)).toEqual({
      cursor: undefined,
      channels: ["a", "b"],
      commands: [],
    });
    expect(readPoll('{"commands":[{"id":1,"connect":{}}]}', 4)).toMatchObject({
      commands: [{ id: 1, text: '{"id":1,"connect":{}}' }],
    });
  });

  it("goes on with a cursor", () => {
    expect(readPoll('{"cursor":"AAAA0123456789abcdef;7;secret;a=1:k"}', 4)).toMatchObject({
      cursor: { number: 7, token: "secret" },
    });
  });

  it.each([
    ["nothing", "", "not JSON"],
    ["no object", "[]", "JSON object"],
    ["nothing to do", "{}", "first poll"],
    ["a cursor of somebody else", '{"cursor":"x"}', "`cursor`"],
    ["a cursor that is no text", '{"cursor":1}', "`cursor`"],
    ["too many channels", '{"channels":["a","b","c","d","e"]}', "`channels`"],
    ["a bad channel name", '{"channels":["a b"]}', "`channels`"],
    ["commands that are none", '{"commands":["connect"]}', "`commands`"],
    ["too many commands", `{"commands":[${Array(65).fill("{}").join()}]}`, "`commands`"],
    ["a bomb", `{"commands":[${"[".repeat(80)}${"]".repeat(80)}]}`, "deeper"],
  ])("with %s gets a sentence", (_what, text, sentence) => {
    expect(readPoll(text, 4)).toEqual(expect.stringContaining(sentence));
  });

  it("may be any text", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readPoll(text, 4)));
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readSend(text)));
  });
});

describe("the body of a send", () => {
  it("leaves commands as they were written, each on one line", () => {
    const data = '{"big":1152921504606846977,"price":0.50,"z":-0,"n":1e400}';
    const first = `{"id":1,\n  "send":{"data":${data}}}`;
    const read = readSend(`{"sid":"AAAA0123456789abcdef","token":"a.b","commands":[ ${first} ,{"id":2}]}`);
    const texts = [`{"id":1,"send":{"data":${data}}}`, '{"id":2}'];
    expect(read).toMatchObject({ commands: texts.map((text) => ({ text })) });
  });

  it("names the session, proves it, and has commands", () => {
    const body = { sid: "AAAA0123456789abcdef", token: "a.b", commands: [{ id: 1 }] };
    expect(readSend(JSON.stringify(body))).toEqual({
      ...body,
      commands: [{ id: 1, value: { id: 1 }, text: '{"id":1}' }],
    });
    expect(readSend(JSON.stringify({ ...body, sid: "short" }))).toContain("`sid`");
    expect(readSend(JSON.stringify({ ...body, token: undefined }))).toContain("`token`");
    expect(readSend(JSON.stringify({ ...body, commands: [] }))).toContain("`commands`");
  });
});
