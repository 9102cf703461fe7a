/**
 * No name that others rely on is gone: public-names.json lists those of the day before the restructuring.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "@jest/globals";
import { type PublicNames, publicNames } from "./public-names.js";

const before = JSON.parse(readFileSync("scripts/public-names.json", "utf8")) as PublicNames;
const now = publicNames(process.cwd());

it.each(Object.keys(before))("%s still has every name", (source) => {
  const names = new Set(now[source]);
  expect(before[source]?.length).toBeGreaterThan(5);
  expect(before[source]?.filter((name) => !names.has(name))).toEqual([]);
});
