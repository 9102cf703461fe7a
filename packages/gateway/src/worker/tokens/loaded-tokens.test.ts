import { silentLogger } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { expect, it } from "@jest/globals";
import { SignJWT } from "jose";
import { LoadedTokens } from "./loaded-tokens.js";

const SECRET = "a secret of thirty-two characters";

it("checks tokens, also those that come while it loads", async () => {
  const clock = new FakeClock();
  const keys = { kind: "secret", secret: SECRET } as const;
  const options = { keys, audience: undefined, issuer: undefined, leewayMs: 0 };
  const parts = { clock, logger: silentLogger, fetch: () => Promise.reject(new Error("no")) };
  const tokens = new LoadedTokens(options, parts);
  const sign = (secret: string): Promise<string> =>
    new SignJWT({ sub: "ada", exp: clock.now() / 1000 + 60 })
      .setProtectedHeader({ alg: "HS256" })
      .sign(Buffer.from(secret));
  const [good, bad] = [await sign(SECRET), await sign(SECRET.toUpperCase())];
  const proofs = await Promise.all([tokens.prove(good), tokens.prove(bad)]);
  expect(proofs).toMatchObject([{ identity: { user: "ada" } }, { kind: "refused" }]);
});
