import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { readConfigFile } from "./file.js";

describe("the settings file", () => {
  let cwd = "";
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "holdfast-config-"));
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  const write = (name: string, text: string): void => writeFileSync(join(cwd, name), text);

  it("is ./holdfast.json when that exists", () => {
    write("holdfast.json", '\uFEFF{"port": 1}');
    expect(readConfigFile({ cwd, named: undefined })).toEqual({
      path: "holdfast.json",
      content: { port: 1 },
    });
  });

  it("is none when nothing is named and none exists", () => {
    expect(readConfigFile({ cwd, named: undefined })).toBeUndefined();
    expect(readConfigFile({ cwd, named: "" })).toBeUndefined();
  });

  it("must exist when it is named", () => {
    expect(() => readConfigFile({ cwd, named: "other.json" })).toThrow("other.json does not exist");
  });

  it.each([
    ['{\n  "port": 8080,,\n}\n', 'wrong.json:2:16 is not JSON: expected a "key", found ,'],
    ["[]", 'wrong.json must be an object such as {"port": 8080}'],
    ["null", 'wrong.json must be an object such as {"port": 8080}'],
  ])("%j names what is wrong and where", (text, problem) => {
    write("wrong.json", text);
    expect(() => readConfigFile({ cwd, named: "wrong.json" })).toThrow(problem);
  });

  it.each([
    [
      "a device without an end",
      () => symlinkSync("/dev/zero", join(cwd, "odd.json")),
      "is larger than 1 MiB",
    ],
    [
      "a named pipe that no program writes to",
      () => execFileSync("mkfifo", [join(cwd, "odd.json")]),
      "odd.json:1:1 is not JSON",
    ],
    ["a file that is too large", () => write("odd.json", `"${"ü".repeat(600_000)}"`), "is larger than 1 MiB"],
  ])("is not %s, and is not waited for", (_what, make, problem) => {
    make();
    expect(() => readConfigFile({ cwd, named: "odd.json" })).toThrow(problem);
  });
});
