import { disconnectNotice, disconnects } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { closeEnding, disconnectEnding, drainEnding, httpEnding, MAX_NOT_BEFORE_MS } from "./ending.js";

describe("endings", () => {
  it.each([
    [1000, false],
    [1006, false],
    [3000, false],
    [3499, false],
    [3500, true],
    [3999, true],
    [4000, false],
  ])("closing with %i is terminal: %s", (code, terminal) => {
    expect(closeEnding(code, "")).toMatchObject({
      code,
      terminal,
      notBeforeMs: 0,
      reason: "connection lost",
    });
  });

  it("obeys a disconnect by its code and by its word", () => {
    const { slow, revoked } = disconnects;
    expect(disconnectEnding({ ...disconnectNotice(slow, "slow", 700) })).toEqual({
      code: 3002,
      reason: "slow",
      terminal: false,
      notBeforeMs: 700,
    });
    expect(disconnectEnding({ ...disconnectNotice(revoked), reconnect: true }).terminal).toBe(true);
    expect(disconnectEnding({ ...disconnectNotice(slow), reconnect: false }).terminal).toBe(true);
  });

  it.each([
    [3_000, 3_000],
    [-5, 0],
    ["3000", 0],
    [Number.NaN, 0],
    [1e15, MAX_NOT_BEFORE_MS],
    [Number.POSITIVE_INFINITY, MAX_NOT_BEFORE_MS],
  ])("reads reconnectAfter %p as %i ms", (reconnectAfter, expected) => {
    expect(drainEnding({ reconnectAfter })).toEqual({
      code: disconnects.drain.code,
      reason: "drain",
      terminal: false,
      notBeforeMs: expected,
    });
  });

  it.each([
    [400, true],
    [401, true],
    [404, false],
    [408, false],
    [409, false],
    [503, false],
  ])("an HTTP answer of %i with the gateway's error is terminal: %s", (status, terminal) => {
    const body = JSON.stringify({ error: { code: 9999, message: "no" } });
    expect(httpEnding(status, body, null).terminal).toBe(terminal);
  });

  it("makes something of an empty notice", () => {
    expect(disconnectEnding({})).toEqual({
      code: disconnects.internal.code,
      reason: "disconnected",
      terminal: false,
      notBeforeMs: 0,
    });
  });
});
