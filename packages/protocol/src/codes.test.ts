import { describe, expect, it } from "@jest/globals";
import { disconnects, errors, mayReconnect } from "./codes.js";
import { MAX_CLOSE_REASON_BYTES } from "./limits.js";

const snakeCase = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const unique = <T>(values: readonly T[]) => new Set(values).size === values.length;

describe.each([
  ["errors", errors, 100, 999],
  ["disconnects", disconnects, 3000, 3999],
] as const)("the table of %s", (_name, table, least, most) => {
  const entries = Object.entries(table);

  it("uses no number, name or sentence twice", () => {
    for (const column of ["code", "name", "message"] as const) {
      const values = entries.map(([, row]) => row[column]);
      // `A valid token is needed.` and the like may stand in both tables, never twice in one.
      expect(unique(values)).toBe(true);
    }
  });

  it("keeps to its range, in ascending order", () => {
    const codes = entries.map(([, row]) => row.code);
    expect(codes).toEqual([...codes].sort((a, b) => a - b));
    expect(Math.min(...codes)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...codes)).toBeLessThanOrEqual(most);
  });

  it("names each row after its key", () => {
    for (const [key, row] of entries) expect(row.name).toBe(snakeCase(key));
  });

  it("says one sentence of printable ASCII in each row", () => {
    for (const [, row] of entries) expect(row.message).toMatch(/^[A-Z][\x20-\x7e]+\.$/);
  });

  it("cannot be changed", () => {
    expect(Object.isFrozen(table)).toBe(true);
    for (const [, row] of entries) expect(Object.isFrozen(row)).toBe(true);
  });
});

describe("the numbers that are out in the world", () => {
  it("never change", () => {
    const numbers = (table: Readonly<Record<string, { readonly code: number }>>) =>
      Object.fromEntries(Object.entries(table).map(([key, { code }]) => [key, code]));
    expect(numbers(errors)).toMatchObject({
      internal: 100,
      unauthorized: 101,
      forbidden: 102,
      badRequest: 103,
      unknownCommand: 104,
      badChannel: 105,
      notConnected: 106,
      alreadyConnected: 107,
      alreadySubscribed: 108,
      notSubscribed: 109,
      limitChannels: 110,
      limitRate: 111,
      tooBig: 112,
      unavailable: 113,
      noHistory: 114,
      positionLost: 115,
      noEvents: 124,
      denied: 125,
      tryLater: 126,
    });
    expect(numbers(disconnects)).toMatchObject({
      drain: 3000,
      rebalance: 3001,
      slow: 3002,
      stale: 3003,
      noPong: 3004,
      expired: 3005,
      limitConnections: 3006,
      limitRate: 3007,
      insufficientState: 3008,
      unavailable: 3009,
      internal: 3010,
      disconnected: 3011,
      badFrame: 3500,
      tooBig: 3501,
      unauthorized: 3502,
      forbidden: 3503,
      revoked: 3504,
      superseded: 3505,
      dismissed: 3506,
    });
  });
});

describe("a disconnect code", () => {
  it("says by its range whether to come back", () => {
    for (const { code } of Object.values(disconnects)) expect(mayReconnect(code)).toBe(code < 3500);
  });

  it.each([
    [1000, true],
    [1006, true],
    [1009, true],
    [3499, true],
    [3500, false],
    [3999, false],
    [4000, true],
  ])("of %d, in the table or not, answers %s", (code, expected) => {
    expect(mayReconnect(code)).toBe(expected);
  });

  it("has a name that fits in a close frame", () => {
    for (const { name } of Object.values(disconnects)) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(MAX_CLOSE_REASON_BYTES);
    }
  });
});
