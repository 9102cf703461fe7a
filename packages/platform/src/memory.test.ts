/**
 * The memory model against the figures of docs/performance.md, which are read from its tables.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { connectionsInMemory, measuredMemory, neededMemory } from "./memory.js";

const MIB = 1024 ** 2;
const WORKERS = 64;
const TOLERANCE = 0.15;

const section =
  readFileSync("docs/performance.md", "utf8").split("## A million connections")[1]?.split("\n## ")[0] ?? "";
const number = (text: string): number => Number(text.replaceAll(",", ""));
const figure = (pattern: RegExp): number => number(pattern.exec(section)?.[1] ?? "none");
const away = (modelled: number, measured: number): number => Math.abs(modelled / measured - 1);

describe("the memory model", () => {
  const million = measuredMemory({ connections: 1_000_000, workers: WORKERS });

  it("is within 15 % of the million run's gateway", () => {
    const measured = figure(/gateway's memory \| ([\d,]+) MiB/) * MIB;
    expect(away(million.gatewayBytes, measured)).toBeLessThan(TOLERANCE);
  });

  it("is within 15 % of the million run's kernel, of which it takes one end of two", () => {
    const measured = (figure(/kernel's memory \| ([\d,]+) MiB for both ends/) * MIB) / 2;
    expect(away(million.kernelBytes, measured)).toBeLessThan(TOLERANCE);
  });

  it("is within 15 % of the gateway at every step of the growth", () => {
    const rows = [...section.matchAll(/^\| ([\d,]+) \| ([\d,]+) MiB \|/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(4);
    for (const [, connections = "", mib = ""] of rows) {
      const { gatewayBytes } = measuredMemory({ connections: number(connections), workers: WORKERS });
      expect(away(gatewayBytes, number(mib) * MIB)).toBeLessThan(TOLERANCE);
    }
  });

  it("plans for more than was measured, and its two directions agree", () => {
    const load = fc.record({
      connections: fc.integer({ min: 1, max: 5_000_000 }),
      workers: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(load, ({ connections, workers }) => {
        const { gatewayBytes, kernelBytes } = measuredMemory({ connections, workers });
        const needed = neededMemory({ connections, workers });
        expect(needed).toBeGreaterThan(gatewayBytes + kernelBytes);
        const held = connectionsInMemory(needed, workers);
        expect(Math.abs(held - connections)).toBeLessThanOrEqual(1);
        expect(neededMemory({ connections: held, workers })).toBeLessThanOrEqual(needed);
      }),
    );
  });

  it("holds nothing on a machine that is too small for the processes", () => {
    expect(connectionsInMemory(1024 ** 3, 8)).toBe(0);
  });
});
