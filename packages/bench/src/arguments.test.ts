import { expect, test } from "@jest/globals";
import { parseArguments } from "./arguments.js";

const KNOWN = ["storm", "idle"];

test("no scenario means all, named ones run in the bench's order", () => {
  expect(parseArguments([], KNOWN).scenarios).toEqual(["storm", "idle"]);
  expect(parseArguments(["idle", "storm"], KNOWN).scenarios).toEqual(["storm", "idle"]);
  expect(parseArguments(["idle"], KNOWN).scenarios).toEqual(["idle"]);
});

test("options", () => {
  const parsed = parseArguments(
    ["--quick", "--runs", "5", "--peers", "ws,bun", "--against", "a.json"],
    KNOWN,
  );
  expect(parsed).toMatchObject({ quick: true, runs: 5, peers: ["ws", "bun"], against: "a.json" });
});

test("what cannot be meant is said", () => {
  expect(() => parseArguments(["strom"], KNOWN)).toThrow('no scenario "strom"; there are storm, idle');
  expect(() => parseArguments(["--runs", "0"], KNOWN)).toThrow("--runs");
  expect(() => parseArguments(["--what"], KNOWN)).toThrow();
});

test("docs are written from one result or several", () => {
  expect(parseArguments(["--write-docs", "a.json"], KNOWN).writeDocs).toEqual(["a.json"]);
  const several = parseArguments(["--write-docs", "a.json", "--write-docs", "b.json"], KNOWN);
  expect(several.writeDocs).toEqual(["a.json", "b.json"]);
  expect(parseArguments([], KNOWN).writeDocs).toEqual([]);
});
