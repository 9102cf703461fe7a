import type { Verdict } from "@holdfast/core";
import { errors, type Resume } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { bearerOf, RequestAuthentication } from "./request-authentication.js";

const USER: Verdict = { identity: { user: "ann" } } as Verdict;
const NO_USER: Verdict = { identity: {} } as Verdict;
const RESUME: Resume = { sid: "AAAAAAAAAAAAAAAAAAAA", token: "proof" };

/** Core, which answers as the test says and notes what it is asked. */
function world(verdicts: { authenticate?: Verdict | Promise<Verdict>; redeem?: Verdict } = {}) {
  const asked: unknown[] = [];
  const authentication = new RequestAuthentication({
    authenticate(...proofs) {
      asked.push(["authenticate", ...proofs]);
      return verdicts.authenticate ?? NO_USER;
    },
    redeem(ticket) {
      asked.push(["redeem", ticket]);
      return Promise.resolve(verdicts.redeem ?? USER);
    },
  });
  return { asked, authentication };
}

describe("request authentication", () => {
  it("tells of requests that it refuses, and not of those that `connect` may still say", async () => {
    const told: string[] = [];
    const saying = (verdict: Verdict) =>
      new RequestAuthentication(
        { authenticate: () => Promise.resolve(verdict), redeem: () => Promise.resolve(verdict) },
        ({ name }) => told.push(name),
      );
    await saying({ error: errors.tokenExpired }).authenticate({ token: "t" });
    await saying({ error: errors.badToken }).authenticateCommands("t");
    await saying({ error: errors.unauthorized }).authenticateCommands("t");
    await saying(USER).authenticate({ token: "t" });
    expect(told).toEqual(["token_expired", "bad_token"]);
  });

  it("gives core the token, the session and the headers for the application", () => {
    const { asked, authentication } = world();
    const forwarded = { cookie: "a=1" } as never;
    expect(authentication.authenticate({ token: "t", resume: RESUME, forwarded })).toBe(NO_USER);
    expect(asked).toEqual([["authenticate", "t", forwarded, RESUME]]);
  });

  it("redeems a ticket only where there is no token, and no session with a user", async () => {
    const back = world({ authenticate: USER });
    expect(back.authentication.authenticate({ ticket: "k", resume: RESUME })).toBe(USER);
    expect(back.asked).toEqual([["authenticate", undefined, undefined, RESUME]]);
    const token = world();
    await token.authentication.authenticate({ ticket: "k", token: "t" });
    expect(token.asked).toEqual([["authenticate", "t", undefined, undefined]]);
    const anonymous = world();
    expect(await anonymous.authentication.authenticate({ ticket: "k", resume: RESUME })).toBe(USER);
    expect(anonymous.asked.at(-1)).toEqual(["redeem", "k"]);
  });

  it("leaves it to connect who sends commands, unless the head has a good token or a bad one", async () => {
    const { asked, authentication } = world();
    expect(authentication.authenticateCommands(undefined)).toEqual({ identity: undefined });
    expect(asked).toEqual([]);
    const byApplication = world({ authenticate: { error: errors.unauthorized } });
    expect(byApplication.authentication.authenticateCommands("t")).toEqual({ identity: undefined });
    const bad = world({ authenticate: Promise.resolve({ error: errors.badToken }) });
    expect(await bad.authentication.authenticateCommands("t")).toEqual({ error: errors.badToken });
    const good = world({ authenticate: Promise.resolve(USER) });
    expect(await good.authentication.authenticateCommands("t")).toEqual(USER);
  });

  it("counts requests that wait, and refuses those that would wait beyond the bound", async () => {
    let settle = (_: Verdict): void => {};
    const late = new Promise<Verdict>((resolve) => {
      settle = resolve;
    });
    const { asked, authentication } = world({ authenticate: late });
    const waiting = Array.from({ length: 8_192 }, () => authentication.authenticate({ token: "t" }));
    expect(authentication.waiting).toBe(8_192);
    expect(await authentication.authenticate({ token: "t" })).toEqual({ error: errors.unavailable });
    expect(await authentication.authenticate({ ticket: "k" })).toEqual({ error: errors.unavailable });
    expect(asked).toHaveLength(8_192);
    settle(USER);
    await Promise.all(waiting);
    expect(authentication.waiting).toBe(0);
  });
});

it.each([
  ["Bearer a.b.c", "a.b.c"],
  ["bearer   a ", "a"],
  ["Basic a", undefined],
  ["Bearer a b", undefined],
  [undefined, undefined],
])("the token of the header %p is %p", (header, token) => {
  expect(bearerOf(header)).toBe(token);
});
