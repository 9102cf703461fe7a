import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "@jest/globals";
import { createLogger, logFormatFor } from "./logger.js";
import { wantsColour } from "./pretty-lines.js";

class Lines extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

it("writes JSON with an ISO time and the bindings for machines", () => {
  const lines = new Lines();
  createLogger({ level: "info", format: "json", colour: false, bindings: { worker: 3 } }, lines).info(
    { a: 1 },
    "hello",
  );
  const line = JSON.parse(lines.text) as Record<string, unknown>;
  expect(line).toMatchObject({ worker: 3, a: 1, msg: "hello" });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

it("writes a line with the worker's slot for people", async () => {
  const lines = new Lines();
  const logger = createLogger(
    { level: "info", format: "pretty", colour: true, bindings: { worker: 0 } },
    lines,
  );
  logger.debug({}, "unheard");
  logger.info({}, "hello");
  await new Promise(setImmediate);
  const text = stripVTControlCharacters(lines.text);
  expect(text).toMatch(/INFO: worker 0: hello\n$/);
  expect(text).not.toContain("unheard");
});

it("is pretty on a terminal and JSON elsewhere, unless told", () => {
  expect(logFormatFor("auto", { isTTY: true })).toBe("pretty");
  expect(logFormatFor("auto", {})).toBe("json");
  expect(logFormatFor("json", { isTTY: true })).toBe("json");
});

const lineOf = (format: "json" | "pretty", colour: boolean, fields: object): string => {
  const lines = new Lines();
  createLogger({ level: "info", format, colour, bindings: { pid: 7 } }, lines).warn(fields, "hello");
  return lines.text;
};

it("has no key twice in a line", () => {
  const text = lineOf("json", false, { pid: 8, msg: "other", level: 1, time: 2, a: 1 });
  const keys = [...text.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key);
  expect(keys.sort()).toEqual([
    "a",
    "itsLevel",
    "itsMsg",
    "itsPid",
    "itsTime",
    "level",
    "msg",
    "pid",
    "time",
  ]);
  expect(JSON.parse(text)).toMatchObject({ pid: 7, itsPid: 8, msg: "hello" });
});

it("has colours for people, and none where NO_COLOR says so", () => {
  const control = String.fromCharCode(27);
  expect(lineOf("pretty", true, {})).toContain(control);
  const plain = lineOf("pretty", false, { reason: "a\nb", list: [1] });
  expect(plain).not.toContain(control);
  expect(plain).toMatch(
    /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: hello\n {4}reason: "a\\nb"\n {4}list: \[\n {6}1\n {4}\]\n$/,
  );
  expect(wantsColour({})).toBe(true);
  expect(wantsColour({ NO_COLOR: "" })).toBe(true);
  expect(wantsColour({ NO_COLOR: "1" })).toBe(false);
  expect(wantsColour({ TERM: "dumb" })).toBe(false);
});

it("shows an error's stack", () => {
  expect(lineOf("pretty", false, { err: new Error("broken") })).toContain(
    "    err: Error: broken\n        at ",
  );
});
