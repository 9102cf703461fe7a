import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "@jest/globals";
import { createLogger, logFormatFor } from "./logger.js";

class Lines extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

it("writes JSON with an ISO time and the bindings for machines", () => {
  const lines = new Lines();
  createLogger({ level: "info", format: "json", bindings: { worker: 3 } }, lines).info({ a: 1 }, "hello");
  const line = JSON.parse(lines.text) as Record<string, unknown>;
  expect(line).toMatchObject({ worker: 3, a: 1, msg: "hello" });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

it("writes a line with the worker's slot for people", async () => {
  const lines = new Lines();
  const logger = createLogger({ level: "info", format: "pretty", bindings: { worker: 0 } }, lines);
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
