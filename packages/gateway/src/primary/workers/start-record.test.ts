import { describe, expect, it } from "@jest/globals";
import { StartRecord } from "./start-record.js";

describe("the record of starts", () => {
  it("doubles a slot's back-off with each short life, up to the limit of the moment", () => {
    const record = new StartRecord(2);
    const alone: number[] = [];
    const beside: number[] = [];
    for (let life = 0; life < 9; life++) {
      record.ended(0, 10);
      alone.push(record.backoffMs(0, true));
      beside.push(record.backoffMs(0, false));
    }
    expect(alone).toEqual([100, 200, 400, 500, 500, 500, 500, 500, 500]);
    expect(beside).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(record.backoffMs(1, false)).toBe(100);
  });

  it("begins anew after a long life, and after a successor took the slot", () => {
    const record = new StartRecord(2);
    for (const slot of [0, 1]) for (let life = 0; life < 4; life++) record.ended(slot, 10);
    record.ended(0, 30_001);
    record.succeeded(1);
    expect([record.backoffMs(0, false), record.backoffMs(1, false)]).toEqual([100, 100]);
  });

  it("is hopeless after five failed starts in a row while no worker serves", () => {
    const record = new StartRecord(1);
    for (let n = 0; n < 4; n++) record.failed(true);
    expect(record.isHopeless).toBe(false);
    record.failed(true);
    expect(record.isHopeless).toBe(true);
    record.ready();
    for (let n = 0; n < 4; n++) record.failed(true);
    record.failed(false);
    record.failed(true);
    expect(record.isHopeless).toBe(false);
  });
});
