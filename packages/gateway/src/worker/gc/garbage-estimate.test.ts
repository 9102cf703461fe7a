import { describe, expect, it } from "@jest/globals";
import { GarbageEstimate } from "./garbage-estimate.js";

const MIB = 1024 * 1024;

function of(bytes: number, connections = 0) {
  const reading = { bytes, takenBytes: bytes, connections };
  const estimate = new GarbageEstimate(() => ({ ...reading }));
  estimate.collected();
  return { reading, estimate };
}

describe("the garbage estimate", () => {
  it("takes what the start left for garbage, once", () => {
    const estimate = new GarbageEstimate(() => ({ bytes: 15 * MIB, takenBytes: 15 * MIB, connections: 0 }));
    expect(estimate.isWorthIt).toBe(true);
    estimate.collected();
    expect(estimate.isWorthIt).toBe(false);
  });

  it("finds nothing in a heap that does not grow", () => {
    const { estimate } = of(40 * MIB, 1000);
    expect(estimate.isWorthIt).toBe(false);
  });

  it("counts what the heap grew by, from the last collection on", () => {
    const { reading, estimate } = of(40 * MIB);
    reading.bytes = 44 * MIB - 1;
    expect(estimate.isWorthIt).toBe(false);
    reading.bytes = 44 * MIB;
    expect(estimate.isWorthIt).toBe(true);
    estimate.collected();
    expect(estimate.isWorthIt).toBe(false);
  });

  it("counts garbage within what V8 has taken already, and what it has taken where nothing lies in it", () => {
    const { reading, estimate } = of(40 * MIB);
    reading.bytes = 30 * MIB;
    reading.takenBytes = 60 * MIB;
    estimate.collected();
    expect(estimate.isWorthIt).toBe(false);
    reading.bytes = 34 * MIB;
    expect(estimate.isWorthIt).toBe(true);
    reading.bytes = 30 * MIB;
    reading.takenBytes = 64 * MIB;
    expect(estimate.isWorthIt).toBe(true);
  });

  it("wants a tenth of a large heap, whose pause is longer", () => {
    const { reading, estimate } = of(400 * MIB);
    reading.bytes += 39 * MIB;
    expect(estimate.isWorthIt).toBe(false);
    reading.bytes += MIB;
    expect(estimate.isWorthIt).toBe(true);
  });

  it("counts what connections left that have gone: 10,000 after a storm", () => {
    const { reading, estimate } = of(50 * MIB, 10_000);
    reading.connections = 0;
    expect(estimate.isWorthIt).toBe(true);
    estimate.collected();
    expect(estimate.isWorthIt).toBe(false);
  });

  it("is not misled by a heap that shrank by itself", () => {
    const { reading, estimate } = of(50 * MIB, 10_000);
    reading.bytes = 30 * MIB;
    reading.connections = 9_000;
    expect(estimate.isWorthIt).toBe(false);
  });
});
