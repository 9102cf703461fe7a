import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import * as sources from "./index.js";
import { describeTransports } from "./testing/transport-contract.js";

const here = import.meta.dirname;
const read = (path: string): string => readFileSync(join(here, path), "utf8").replaceAll(/\/\*.*?\*\//gs, "");
const folder = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "holdfast.min.mjs");
execFileSync(process.execPath, [join(here, "../scripts/bundle.mjs"), file]);
const bundle = (await import(file)) as typeof sources;
const { INTERNAL_NAMES } = (await import(join(here, "../scripts/internal-names.mjs"))) as {
  readonly INTERNAL_NAMES: readonly string[];
};

/** Names of fields and methods in types. */
const fields = (text: string): string[] =>
  [...text.matchAll(/(\w+)\??(?:<[^>]*>)?[:(]/g)].map((each) => each[1] ?? "");

/** Names in quotes. */
const texts = (text: string): string[] => [...text.matchAll(/["'`](\w+)["'`]/g)].map((each) => each[1] ?? "");

const files = readdirSync(here, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("testing"),
);
const all = files.map(read).join("\n");

/** Fields of the interfaces and types that index.ts exports. */
function publicFields(): string[] {
  const names = [...read("index.ts").matchAll(/(\w+),?(?= |\n)/g)].map((each) => each[1]);
  const types = names.flatMap((name) => {
    const start = all.search(new RegExp(`export (interface|type) ${name}\\b`));
    return start < 0 ? [] : all.slice(start, start + all.slice(start).search(/\n}|;\n\n|\n\n/));
  });
  return fields(types.join("\n"));
}

const members = (Class: { readonly prototype: object }): string[] => [
  ...Object.getOwnPropertyNames(Class.prototype),
  ...Object.getOwnPropertyNames(Class).filter((name) => name !== "name" && name !== "length"),
];

describe("the bundle", () => {
  it("shortens no name that other code uses", () => {
    const reserved = new Set([
      ...publicFields(),
      ...members(sources.Client),
      ...fields(read("../../protocol/src/frame.ts")),
      ...texts(readFileSync(join(here, "../../../node_modules/terser/tools/domprops.js"), "utf8")),
      // What is written as text may be asked for as text.
      ...texts(all),
    ]);
    expect(reserved).toContain("retryAt");
    expect(reserved).toContain("commandTimeoutMs");
    expect(reserved).toContain("addEventListener");
    expect(INTERNAL_NAMES.filter((name) => reserved.has(name))).toEqual([]);
  });

  it("exports what the sources export, with the same members", () => {
    expect(Object.keys(bundle).sort()).toEqual(Object.keys(sources).sort());
    expect(members(bundle.Client)).toEqual(members(sources.Client));
    expect(members(bundle.HoldfastError)).toEqual(members(sources.HoldfastError));
    expect(bundle.clientErrors).toEqual(sources.clientErrors);
    const own = new bundle.HoldfastError(bundle.clientErrors.timeout);
    expect(own).toMatchObject({ ...sources.clientErrors.timeout });
  });

  it("has each option, and no other", () => {
    const options = { transports: ["poll"], token: "", name: "", fetch, random: Math.random } as const;
    expect(
      () => new bundle.Client("ws://localhost", { ...options, commandTimeoutMs: 1, connectTimeoutMs: 1 }),
    ).not.toThrow();
    expect(() => new bundle.Client("ws://localhost", { nonsense: 1 } as object)).toThrow(
      "nonsense: no such option",
    );
  });
});

describe("the bundle", () => describeTransports(bundle.Client));
