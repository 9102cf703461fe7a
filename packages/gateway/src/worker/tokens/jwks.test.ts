/**
 * An issuer's keys over a real server: rotated, away, hostile.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { SignJWT } from "jose";
import { TokenAuthenticator } from "./token.js";

const first = generateKeyPairSync("ed25519");
const second = generateKeyPairSync("ed25519");

let server: Server;
let answer: { status: number; body: string };
let requests: number;
let clock: FakeClock;
let tokens: TokenAuthenticator;
let logger: RecordingLogger;

function publish(...pairs: readonly (readonly [kid: string, pair: { publicKey: KeyObject }])[]): void {
  const keys = pairs.map(([kid, { publicKey }]) => ({
    ...publicKey.export({ format: "jwk" }),
    kid,
    alg: "EdDSA",
    use: "sig",
  }));
  answer = { status: 200, body: JSON.stringify({ keys }) };
}

beforeEach(async () => {
  requests = 0;
  clock = new FakeClock();
  publish(["1", first]);
  server = createServer((_request, response) => {
    requests++;
    response.writeHead(answer.status).end(answer.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks?key=tell-no-log`;
  logger = new RecordingLogger();
  tokens = new TokenAuthenticator(
    { keys: { kind: "jwks", url }, audience: undefined, issuer: undefined, leewayMs: 0 },
    { clock, logger, fetch },
  );
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function outcome(kid: string | undefined, pair: { privateKey: KeyObject }): Promise<string> {
  const header = { alg: "EdDSA", ...(kid !== undefined && { kid }) };
  const token = await new SignJWT({ sub: "ada", exp: clock.now() / 1000 + 3600 })
    .setProtectedHeader(header)
    .sign(pair.privateKey);
  const proof = await tokens.prove(token);
  return proof.kind === "refused" ? proof.error.name : proof.kind;
}

describe("an issuer's keys", () => {
  it("are fetched once for many tokens", async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome("1", first)));
    expect(new Set(outcomes)).toEqual(new Set(["identity"]));
    expect(requests).toBe(1);
  });

  it("are rotated: a new one is fetched when a token names it", async () => {
    expect(await outcome("1", first)).toBe("identity");
    publish(["1", first], ["2", second]);
    clock.advance(30_000);
    expect(await outcome("2", second)).toBe("identity");
    expect(requests).toBe(2);
  });

  it("that are published no more are good no more, after the next fetch", async () => {
    expect(await outcome("1", first)).toBe("identity");
    publish(["2", second]);
    clock.advance(600_000);
    // What is known is used while the fetch is under way.
    await outcome("1", first);
    expect(await outcome("2", second)).toBe("identity");
    expect(await outcome("1", first)).toBe("bad_token");
  });

  it.each([
    [503, "busy"],
    [200, '{"keys":{}}'],
    [200, "not JSON"],
    [302, ""],
  ])("that cannot be had (%s %s) are logged without the query of their URL", async (status, body) => {
    answer = { status, body };
    clock.advance(30_000);
    expect(await outcome("1", first)).toBe("unavailable");
    const [line] = logger.lines.map(({ fields, message }) => message + inspect(fields, { depth: 9 }));
    expect(line).toContain("could not fetch the keys of tokens");
    expect(line).not.toContain("tell-no-log");
  });

  it("that do not come within their deadline are given up", async () => {
    server.removeAllListeners("request");
    const asked = once(server, "request");
    const waiting = outcome("1", first);
    await asked;
    clock.advance(5_000);
    expect(await waiting).toBe("unavailable");
    expect(inspect(logger.lines, { depth: 9 })).toContain("did not answer within 5 s");
  });

  it("are not fetched again for every unknown name", async () => {
    // The first waits for the set, which has not its key. The others may have keys that were published since.
    const outcomeOfFirst = await outcome("a", second);
    expect(logger.lines).toEqual([]);
    expect(outcomeOfFirst).toBe("bad_token");
    for (const kid of ["b", "c", "../d"]) expect(await outcome(kid, second)).toBe("unavailable");
    expect(requests).toBe(1);
  });

  it("that are published within the cooldown are taken after it, and until then no client is told that they are bad", async () => {
    expect(await outcome("1", first)).toBe("identity");
    publish(["1", first], ["2", second]);
    clock.advance(10_000);
    expect(await outcome("2", second)).toBe("unavailable");
    clock.advance(20_000);
    expect(await outcome("2", second)).toBe("identity");
    // A set that came after the token says for certain that there is none.
    clock.advance(30_000);
    expect(await outcome("3", second)).toBe("bad_token");
  });

  it("that are known stay good while the issuer is away", async () => {
    expect(await outcome("1", first)).toBe("identity");
    answer = { status: 503, body: "" };
    for (let i = 0; i < 5; i++) {
      clock.advance(3_600_000);
      expect(await outcome("1", first)).toBe("identity");
    }
    // An unknown one may be good: that cannot be told.
    clock.advance(30_000);
    expect(await outcome("2", second)).toBe("unavailable");
  });

  it.each([
    ["an error", 500, "{}"],
    ["no JSON", 200, "<html>"],
    ["no set", 200, '{"keys":1}'],
    ["too much", 200, `{"keys":[],"x":"${"x".repeat(300_000)}"}`],
    ["too many", 200, JSON.stringify({ keys: Array(101).fill({}) })],
  ])("cannot be had from an issuer that answers with %s, and nobody gets in", async (_what, status, body) => {
    answer = { status, body };
    expect(await outcome("1", first)).toBe("unavailable");
    publish(["1", first]);
    clock.advance(30_000);
    expect(await outcome("1", first)).toBe("identity");
  });

  it("may have secrets among them, which sign nothing", async () => {
    const secret = Buffer.alloc(32, 1);
    answer = {
      status: 200,
      body: JSON.stringify({
        keys: [{ kty: "oct", k: secret.toString("base64url"), kid: "s", alg: "HS256" }],
      }),
    };
    const token = await new SignJWT({ sub: "ada", exp: clock.now() / 1000 + 60 })
      .setProtectedHeader({ alg: "HS256", kid: "s" })
      .sign(secret);
    expect(await tokens.prove(token)).toMatchObject({ error: { name: "bad_token" } });
  });

  it("need a name where there are several", async () => {
    publish(["1", first], ["2", second]);
    expect(await outcome(undefined, first)).toBe("bad_token");
  });
});
