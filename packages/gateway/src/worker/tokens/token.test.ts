/**
 * Tokens as attackers and honest issuers make them.
 */
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { silentLogger } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { errors } from "@holdfast/protocol";
import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type JWTHeaderParameters, SignJWT } from "jose";
import { TokenAuthenticator, type TokenOptions } from "./token.js";
import { readPublicKey } from "./token-key.js";

const SECRET = "a secret of thirty-two characters";
const clock = new FakeClock();
const NOW = clock.now() / 1000;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

function authenticator(options: Partial<TokenOptions> = {}): TokenAuthenticator {
  const keys = { kind: "secret", secret: SECRET } as const;
  const all = { keys, audience: undefined, issuer: undefined, leewayMs: 30_000, ...options };
  return new TokenAuthenticator(all, {
    clock,
    logger: silentLogger,
    fetch: () => Promise.reject(new Error("no")),
  });
}

type Claims = Record<string, unknown>;

const CLAIMS: Claims = { sub: "ada", exp: NOW + 60 };

function sign(claims: Claims, key: KeyObject | string = SECRET, alg = "HS256"): Promise<string> {
  const bytes = typeof key === "string" ? Buffer.from(key) : key;
  return new SignJWT(claims).setProtectedHeader({ alg } as JWTHeaderParameters).sign(bytes);
}

/** As an attacker writes it: any header, any signature. */
function raw(header: unknown, payload: unknown, secret?: string): string {
  const text = (value: unknown): string =>
    (Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === "string" ? value : JSON.stringify(value))
    ).toString("base64url");
  const signed = `${text(header)}.${text(payload)}`;
  const signature =
    secret === undefined ? "" : createHmac("sha256", secret).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

async function refusal(token: string, options: Partial<TokenOptions> = {}): Promise<string> {
  const proof = await authenticator(options).prove(token);
  return proof.kind === "refused" ? proof.error.name : proof.kind;
}

describe("a good token", () => {
  it("proves who its bearer is, until when, and what is allowed", async () => {
    const channels = [{ match: "room:*", verbs: ["subscribe", "publish"] }];
    const token = await sign({
      ...CLAIMS,
      iat: NOW,
      jti: "t1",
      channels,
      subs: ["news", "news"],
      info: { name: "Ada" },
    });
    expect(await authenticator().prove(token)).toEqual({
      kind: "identity",
      identity: {
        user: "ada",
        expiresAt: (NOW + 90) * 1000,
        issuedAt: NOW * 1000,
        tokenId: "t1",
        info: '{"name":"Ada"}',
        permissions: channels,
        subs: ["news"],
      },
    });
  });

  it("with a `channel` is a subscription token", async () => {
    const token = await sign({ ...CLAIMS, channel: "room:1" });
    const grant = {
      channel: "room:1",
      verbs: ["subscribe"],
      expiresAt: (NOW + 90) * 1000,
      tokenId: undefined,
    };
    expect(await authenticator().prove(token)).toMatchObject({ kind: "grant", user: "ada", grant });
  });

  it.each([
    ["RS256", rsa],
    ["PS512", rsa],
    ["ES256", ec],
    ["EdDSA", ed],
  ])("may be signed with %s", async (alg, pair) => {
    const token = await sign(CLAIMS, pair.privateKey, alg);
    expect(await refusal(token, { keys: { kind: "publicKey", text: pem(pair.publicKey) } })).toBe("identity");
    const jwk = JSON.stringify(pair.publicKey.export({ format: "jwk" }));
    expect(await refusal(token, { keys: { kind: "publicKey", text: jwk } })).toBe("identity");
  });
});

describe("a token is refused", () => {
  const others = { keys: { kind: "publicKey", text: pem(rsa.publicKey) } } as const;
  const strict = { audience: ["here", "there"], issuer: ["https://issuer.example"] };
  const right = { aud: "there", iss: "https://issuer.example" };

  it.each<[string, () => string | Promise<string>, Partial<TokenOptions>, string]>([
    ["that is nothing of the kind", () => "hello", {}, "bad_token"],
    ["that is empty", () => "", {}, "bad_token"],
    ["signed with another secret", () => sign(CLAIMS, `${SECRET}!`), {}, "bad_token"],
    ["with alg none", () => raw({ alg: "none" }, CLAIMS), {}, "bad_token"],
    ["with alg None and a signature", () => raw({ alg: "None" }, CLAIMS, SECRET), {}, "bad_token"],
    ["with alg none, where a public key is", () => raw({ alg: "none" }, CLAIMS), others, "bad_token"],
    [
      "with the public key's text as an HMAC secret",
      () => sign(CLAIMS, pem(rsa.publicKey)),
      others,
      "bad_token",
    ],
    [
      "with the public key's text as a JWK",
      () => raw({ alg: "HS256", jwk: {} }, CLAIMS, pem(rsa.publicKey)),
      others,
      "bad_token",
    ],
    [
      "with a key that it brings itself",
      () => raw({ alg: "RS256", jwk: ec.publicKey.export({ format: "jwk" }) }, CLAIMS, SECRET),
      others,
      "bad_token",
    ],
    [
      "with a kid that leads elsewhere",
      () => raw({ alg: "HS256", kid: "../../dev/null" }, CLAIMS, ""),
      {},
      "bad_token",
    ],
    [
      "with a critical extension that nobody knows",
      () => raw({ alg: "HS256", crit: ["x"], x: 1 }, CLAIMS, SECRET),
      {},
      "bad_token",
    ],
    [
      "whose payload is not encoded",
      () => raw({ alg: "HS256", crit: ["b64"], b64: false }, CLAIMS, SECRET),
      {},
      "bad_token",
    ],
    ["of another kind of key", () => sign(CLAIMS, ec.privateKey, "ES256"), others, "bad_token"],
    [
      "whose payload is not UTF-8, in which two users would be one",
      () => raw({ alg: "HS256" }, Buffer.from(`{"sub":"Zoë","exp":${NOW + 60}}`, "latin1"), SECRET),
      {},
      "bad_token",
    ],
    ["whose payload is no object", () => raw({ alg: "HS256" }, "[1]", SECRET), {}, "bad_token"],
    ["that has expired", () => sign({ ...CLAIMS, exp: NOW - 31 }), {}, "token_expired"],
    ["that never ends", () => sign({ sub: "ada" }), {}, "bad_token"],
    ["whose end is text", () => raw({ alg: "HS256" }, { sub: "ada", exp: "2099" }, SECRET), {}, "bad_token"],
    ["that is not good yet", () => sign({ ...CLAIMS, nbf: NOW + 31 }), {}, "token_early"],
    ["issued in the future", () => sign({ ...CLAIMS, iat: NOW + 31 }), {}, "token_early"],
    [
      "of another issuer",
      () => sign({ ...CLAIMS, ...right, iss: "https://issuer.example.evil" }),
      strict,
      "wrong_issuer",
    ],
    ["without an issuer", () => sign({ ...CLAIMS, aud: "here" }), strict, "wrong_issuer"],
    [
      "for another audience",
      () => sign({ ...CLAIMS, ...right, aud: ["elsewhere"] }),
      strict,
      "wrong_audience",
    ],
    ["without an audience", () => sign({ ...CLAIMS, iss: right.iss }), strict, "wrong_audience"],
    ["without a user", () => sign({ exp: NOW + 60 }), {}, "bad_token"],
    ["whose user is a number", () => raw({ alg: "HS256" }, { ...CLAIMS, sub: 1 }, SECRET), {}, "bad_token"],
    ["whose user could not have a channel", () => sign({ ...CLAIMS, sub: "a b" }), {}, "bad_token"],
    [
      "whose user hides in its prototype",
      () => raw({ alg: "HS256" }, `{"exp":${NOW + 60},"__proto__":{"sub":"admin"}}`, SECRET),
      {},
      "bad_token",
    ],
    ["whose jti has half a surrogate pair", () => sign({ ...CLAIMS, jti: "t\udc00" }), {}, "bad_token"],
    ["whose info is huge", () => sign({ ...CLAIMS, info: "x".repeat(1023) }), {}, "bad_token"],
    [
      "with a star in the middle",
      () => sign({ ...CLAIMS, channels: [{ match: "room:*:a", verbs: ["publish"] }] }),
      {},
      "bad_token",
    ],
    [
      "with a verb that is none",
      () => sign({ ...CLAIMS, channels: [{ match: "room:*", verbs: ["*"] }] }),
      {},
      "bad_token",
    ],
    ["without verbs", () => sign({ ...CLAIMS, channels: [{ match: "room:*" }] }), {}, "bad_token"],
    [
      "with too many patterns",
      () => sign({ ...CLAIMS, channels: Array(65).fill({ match: "a", verbs: ["publish"] }) }),
      {},
      "bad_token",
    ],
    ["with too many subs", () => sign({ ...CLAIMS, subs: Array(129).fill("a") }), {}, "bad_token"],
    [
      "whose subs name another user's channel",
      () => sign({ ...CLAIMS, subs: ["user:bob"] }),
      {},
      "bad_token",
    ],
    ["whose subs are no names", () => sign({ ...CLAIMS, subs: ["a b"] }), {}, "bad_token"],
    ["whose id is too long", () => sign({ ...CLAIMS, jti: "x".repeat(129) }), {}, "bad_token"],
    [
      "whose channel is a pattern's text without a rest",
      () => sign({ ...CLAIMS, channel: "room:" }),
      {},
      "bad_token",
    ],
  ])("%s", async (_what, token, options, name) => expect(await refusal(await token(), options)).toBe(name));

  it("in a sentence that names the claim, and repeats nothing of it", async () => {
    const proof = await authenticator().prove(
      await sign({ ...CLAIMS, channels: [{ match: "sec ret", verbs: ["publish"] }] }),
    );
    expect(proof).toMatchObject({
      error: {
        code: errors.badToken.code,
        message: expect.stringMatching(/^The token's `channels` entry 1 has a `match` that .*\.$/),
      },
    });
    expect(JSON.stringify(proof)).not.toContain("sec ret");
  });
});

describe("clocks that differ", () => {
  it.each([
    ["exp", -29, "identity"],
    ["exp", -30, "token_expired"],
    ["nbf", 30, "identity"],
    ["iat", 30, "identity"],
  ])("by up to the leeway are forgiven: %s %d s", async (claim, offset, expected) => {
    expect(await refusal(await sign({ ...CLAIMS, [claim]: NOW + offset }))).toBe(expected);
  });

  it("give a token an end that is later by the leeway, so that no client is let in to be disconnected", async () => {
    const proof = await authenticator().prove(await sign({ ...CLAIMS, exp: NOW - 29 }));
    expect(proof).toMatchObject({ identity: { expiresAt: (NOW + 1) * 1000 } });
  });
});

describe("any token", () => {
  let good: string;
  beforeAll(async () => {
    good = await sign(CLAIMS);
  });

  it("with a character changed proves nothing, or the same", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.constantFrom(..."Az09-_.=%\u0000"),
        async (at, character) => {
          const changed = good.slice(0, at) + character + good.slice(at + 1);
          // The last character of base64 has bits that mean nothing.
          const same = (text: string): string =>
            text
              .split(".")
              .map((part) => Buffer.from(part, "base64url").toString("hex"))
              .join(".");
          if (same(changed) !== same(good)) expect(await refusal(changed)).toBe("bad_token");
        },
      ),
    );
  });

  it("shows its info to the letter, save for line breaks", async () => {
    const of = async (payload: string): Promise<string | undefined> => {
      const proof = await authenticator().prove(raw({ alg: "HS256" }, payload, SECRET));
      return proof.kind === "identity" ? proof.identity.info : proof.kind;
    };
    const claims = `"sub":"ada","exp":${NOW + 60}`;
    for (const info of [
      "73786976294838206465",
      "-0",
      "[2.50, 1E6]",
      '{"a":1,"a":2}',
      '"\\u00e9\\/"',
      "null",
    ]) {
      expect(await of(`{"info":${info},${claims}}`)).toBe(info);
      expect(await of(`\ufeff{${claims} , "inf\\u006f" : ${info} }`)).toBe(info);
    }
    expect(await of(`{"info":1,${claims},"info":2.0}`)).toBe("2.0");
    expect(await of(`{${claims},"info":{\r\n  "a":\n 1.0\n}}`)).toBe('{"a":1.0}');
    expect(await of(`{${claims},"x":{"info":1}}`)).toBeUndefined();
  });

  it("gets an answer, whatever its claims are, and never an exception", async () => {
    const claims = fc.dictionary(
      fc.constantFrom(
        "sub",
        "exp",
        "iat",
        "nbf",
        "jti",
        "channel",
        "channels",
        "subs",
        "info",
        "verbs",
        "aud",
        "__proto__",
      ),
      fc.oneof(
        fc.jsonValue(),
        fc.constantFrom("ada", NOW + 60, [{ match: "*", verbs: ["publish"] }], 1e308, -1),
      ),
    );
    await fc.assert(
      fc.asyncProperty(claims, async (claims) => {
        const proof = await authenticator().prove(raw({ alg: "HS256" }, claims, SECRET));
        expect(["identity", "grant", "refused"]).toContain(proof.kind);
      }),
    );
  });
});

describe("a public key", () => {
  it.each([
    ["nothing of the kind", "hello", "is neither a public key in PEM nor a JWK"],
    [
      "a private key",
      ec.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "is a private key: give its public half",
    ],
    [
      "a private JWK",
      JSON.stringify(ed.privateKey.export({ format: "jwk" })),
      "is a private key: give its public half",
    ],
    ["a secret as a JWK", '{"kty":"oct","k":"AAAA"}', "is neither a public key in PEM nor a JWK"],
    ["a weak one", pem(weak.publicKey), "is an RSA key of less than 2048 bits"],
    [
      "one on another curve",
      pem(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey),
      "is on a curve that is not P-256, P-384 or P-521",
    ],
    [
      "one of another kind",
      pem(generateKeyPairSync("x25519").publicKey),
      "is of a kind that is not RSA, EC or Ed25519",
    ],
  ])("that is %s is refused in words", (_what, text, problem) =>
    expect(readPublicKey(text)).toEqual({ problem }),
  );

  const text = pem(ec.publicKey).trim();
  it.each([
    ["with \\n for the ends of its lines", text.replaceAll("\n", "\\n")],
    ["with \\r\\n, in quotes", `"${text.replaceAll("\n", "\\r\\n")}\\r\\n"`],
    ["with spaces", text.replaceAll("\n", " ")],
    ["with nothing between", text.replaceAll("\n", "")],
    ["as it is", `${text}\n`],
  ])("on one line is taken: %s", (_how, written) => {
    expect(readPublicKey(written)).toMatchObject({ algorithms: ["ES256"] });
  });

  it.each([
    ["base64 of it", Buffer.from(text).toString("base64"), "it is in base64 once more"],
    ["its first line", text.split("\n")[0] ?? "", "its END line is missing"],
    ["another text in it", "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----", "is no key"],
  ])("that is spoilt is refused with the cause: %s", (_how, written, cause) => {
    expect(readPublicKey(written)).toEqual({ problem: expect.stringContaining(cause) });
  });
});
