import { disconnects, errors, mayReconnect } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  ALREADY_SUBSCRIBED,
  DRAIN,
  endings,
  isFinal,
  REBALANCE,
  serverErrors,
  TOKEN_EXPIRED,
} from "./codes.js";

describe("the codes of the bundle", () => {
  it("are those of the protocol", () => {
    expect(serverErrors.tooBig).toEqual(errors.tooBig);
    expect({ ...serverErrors.badRequest, message: errors.badRequest.message }).toEqual(errors.badRequest);
    expect([ALREADY_SUBSCRIBED, TOKEN_EXPIRED]).toEqual([
      errors.alreadySubscribed.code,
      errors.tokenExpired.code,
    ]);
    expect([REBALANCE, DRAIN]).toEqual([disconnects.rebalance.code, disconnects.drain.code]);
    const rows = [...Object.values(errors), ...Object.values(disconnects)];
    for (const [code, name] of Object.entries(endings)) {
      expect(rows.find((row) => row.code === Number(code))?.name).toBe(name);
    }
  });

  it("say the same of coming back", () => {
    fc.assert(fc.property(fc.nat(5_000), (code) => expect(isFinal(code)).toBe(!mayReconnect(code))));
  });
});
