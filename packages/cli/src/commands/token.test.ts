import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Machine } from "../machine/machine.js";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 1024,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};
const SECRET = "a-secret-of-thirty-two-characters";

let terminal: TestTerminal;

beforeEach(() => {
  terminal = new TestTerminal();
  terminal.cwd = mkdtempSync(join(tmpdir(), "holdfast-token-"));
  terminal.env.HOLDFAST_JWT_SECRET = SECRET;
});
afterEach(() => rmSync(terminal.cwd, { recursive: true }));

/** What was printed since, and the exit code. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  terminal.printed.length = 0;
  terminal.errors.length = 0;
  const code = await runProgram(args, terminal, { version: "1.2.3", readMachine: () => machine });
  return { code, out: terminal.printed.join("\n"), err: terminal.errors.join("\n") };
}

describe("holdfast token", () => {
  it.each([["create"], ["check"]])("%s helps with examples", async (name) => {
    expect((await run("token", name, "--help")).out).toMatch(/^Examples:\n {2}\$ (.* )?holdfast /m);
  });

  it("makes what it then takes, and says what is in it", async () => {
    const { out: token } = await run(
      "token",
      "create",
      "ada",
      "--allow",
      "room:*=subscribe,publish",
      "--subs",
      "news,sport",
      "--info",
      '{"name":"Ada"}',
      "--id",
      "t1",
    );
    expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const { code, out } = await run("token", "check", token);
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      'A token of the user "ada".',
      expect.stringMatching(/^It is taken until .*Z, for another \w+, jwtLeeway included\.$/),
      "Its id is t1.",
      "It allows subscribe, publish on room:*.",
      "The server subscribes news, sport at connect.",
      'Presence shows {"name":"Ada"}.',
    ]);
  });

  it("keeps an info to the letter", async () => {
    const { out: token } = await run(
      "token",
      "create",
      "ada",
      "--info",
      ' {"id":73786976294838206465,\n"n": 2.50}',
    );
    expect((await run("token", "check", token)).out).toMatch(
      /^Presence shows \{"id":73786976294838206465,"n": 2\.50\}\.$/m,
    );
  });

  it("makes subscription tokens", async () => {
    const { out: token } = await run("token", "create", "ada", "--channel", "room:1");
    expect((await run("token", "check", token)).out).toMatch(
      /^A subscription token of the user "ada" for the channel room:1: subscribe\.$/m,
    );
  });

  it("signs with a private key, which another gateway checks with its public half", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(join(terminal.cwd, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    const { out: token } = await run("token", "create", "ada", "--private-key", "key.pem", "--key-id", "k1");
    expect((await run("token", "check", token)).err).toMatch(/refused with bad_token \(116\): .*algorithm/);
    terminal.env.HOLDFAST_JWT_SECRET = "";
    terminal.env.HOLDFAST_JWT_PUBLIC_KEY = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect(await run("token", "check", token)).toMatchObject({ code: 0 });
  });

  it("takes issuer and audience from the settings", async () => {
    const { out: token } = await run(
      "token",
      "create",
      "ada",
      "--jwt-issuer",
      "me,other",
      "--jwt-audience",
      "here",
    );
    expect(
      await run("token", "check", token, "--jwt-issuer", "other,me", "--jwt-audience", "here"),
    ).toMatchObject({ code: 0 });
    expect(await run("token", "check", token, "--jwt-issuer", "other")).toMatchObject({
      code: 1,
      err: expect.stringContaining("refused with wrong_issuer (119)"),
    });
  });

  it.each([
    [
      "no such duration",
      ["create", "ada", "--expires", "soon"],
      "--expires must be a duration such as 1h, not soon",
    ],
    [
      "a user that none could be",
      ["create", "a b"],
      "no gateway would take it: The token's `sub` cannot name a user",
    ],
    [
      "a pattern without verbs",
      ["create", "ada", "--allow", "room:*"],
      "--allow must be a pattern and verbs such as room:*=subscribe",
    ],
    [
      "a verb that is none",
      ["create", "ada", "--allow", "room:*=read"],
      '--allow room:*=read: a verb is subscribe, publish, presence, history, not "read"',
    ],
    ["info that is no JSON", ["create", "ada", "--info", "{"], "--info must be JSON"],
    [
      "a key that is not there",
      ["create", "ada", "--private-key", "none.pem"],
      "cannot read a private key from",
    ],
  ])("refuses %s", async (_what, args, message) => {
    const { code, err, out } = await run("token", ...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(out).toBe("");
  });

  it("cannot do anything without a key, and says which to set", async () => {
    terminal.env.HOLDFAST_JWT_SECRET = "";
    expect((await run("token", "create", "ada")).err).toContain(
      "set jwtSecret (HOLDFAST_JWT_SECRET), or name a --private-key",
    );
    expect((await run("token", "check", "x")).err).toContain("set jwtSecret, jwtPublicKey or jwksUrl");
  });
});

describe("with --json", () => {
  it("a token, what it proves and a refusal are objects", async () => {
    const { token } = JSON.parse((await run("token", "create", "ada", "--json")).out);
    expect(JSON.parse((await run("token", "check", token, "--json")).out)).toMatchObject({
      kind: "identity",
      identity: { user: "ada" },
    });
    const { code, out } = await run("token", "check", "x", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ kind: "refused", error: { name: expect.any(String) } });
  });

  it("a configuration's problems are a list", async () => {
    expect(JSON.parse((await run("config", "check", "--json")).out)).toMatchObject({ problems: [] });
    const { code, out } = await run("config", "check", "--json", "--ping-interval", "banana");
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      problems: [{ path: "pingInterval", source: "--ping-interval" }],
    });
  });
});

describe("the secret", () => {
  it("is printed by no command, and a refusal does not repeat it", async () => {
    for (const args of [
      ["config", "print"],
      ["config", "print", "--json"],
      ["config", "print", "--file-format"],
    ]) {
      const { out, err } = await run(...args);
      expect(out + err).not.toContain(SECRET);
    }
    terminal.env.HOLDFAST_JWT_SECRET = "too-short";
    const { code, err } = await run("config", "check");
    expect(code).toBe(2);
    expect(err).toMatch(/jwtSecret must be 32 to 1024 printable characters/);
    expect(err).not.toContain("too-short");
  });

  it("is not repeated where a private key was given for a public one", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    terminal.env.HOLDFAST_JWT_SECRET = "";
    terminal.env.HOLDFAST_JWT_PUBLIC_KEY = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { err } = await run("config", "check");
    expect(err).toMatch(/jwtPublicKey is a private key: give its public half/);
    expect(err).not.toContain("BEGIN");
  });
});
