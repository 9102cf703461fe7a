/**
 * `holdfast token create` and `holdfast token check`: tokens by the settings of a gateway.
 *
 * Invariant: what `create` prints, `check` with the same settings takes; a private key and a secret are never
 * printed.
 */
import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Grant, type Identity, type Proof, silentLogger, systemClock, VERBS } from "@holdfast/core";
import { type Claims, proofOf, TokenAuthenticator } from "@holdfast/gateway";
import { oneLine } from "@holdfast/protocol";
import { Command, Option } from "commander";
import { CompactSign } from "jose";
import { tokenOptions } from "../compose/identity-options.js";
import { addSettingFlags, loadFromCommand } from "../config/flags.js";
import type { Settings } from "../config/schema.js";
import { formatDuration, parseDuration } from "../config/values/duration.js";
import { Failure, sentence } from "../failure.js";
import type { Machine } from "../machine/machine.js";
import { sayOutcome } from "../output/outcome.js";
import type { Terminal } from "../terminal.js";

interface CreateOptions {
  readonly expires: string;
  readonly allow: readonly string[];
  readonly subs?: string;
  readonly info?: string;
  readonly id?: string;
  readonly channel?: string;
  readonly privateKey?: string;
  readonly keyId?: string;
}

export function tokenCommand(terminal: Terminal, readMachine: () => Machine): Command {
  return new Command("token")
    .description("Make or check tokens.")
    .summary("make or check tokens")
    .addCommand(createCommand(terminal, readMachine))
    .addCommand(checkCommand(terminal, readMachine));
}

function createCommand(terminal: Terminal, readMachine: () => Machine): Command {
  const command = new Command("create")
    .summary("make a token")
    .description(
      "Print a token for a user, signed with the setting jwtSecret, or with a private key. Issuer and audience are the first of jwtIssuer and jwtAudience.",
    )
    .argument("<user>", "whom it is for: the claim `sub`")
    .addOption(new Option("--expires <duration>", "how long it is good").default("1h"))
    .addOption(
      new Option("--allow <pattern=verbs>", "channels and what may be done with them; may be repeated")
        .default([])
        .argParser((text: string, all: readonly string[]) => [...all, text]),
    )
    .option("--subs <channels>", "channels that the server subscribes at connect, separated by commas")
    .option("--info <json>", "what presence shows beside the user")
    .option("--id <text>", "what a revocation can name (default: a random one)")
    .option("--channel <name>", "make a subscription token for this channel instead")
    .option("--private-key <file>", "sign with this private key, PEM")
    .option("--key-id <text>", "name of the key in the issuer's set: the header `kid`")
    .option("--json", "as JSON: an object with the token");
  return addSettingFlags(command, "named")
    .addHelpText(
      "after",
      `
Examples:
  $ HOLDFAST_JWT_SECRET=$SECRET holdfast token create ada
  $ holdfast token create ada --allow 'room:*=subscribe,publish'
  $ holdfast token create ada --private-key key.pem --expires 5m
  $ holdfast token create ada --channel room:1`,
    )
    .action(async (user: string, options: Readonly<Record<string, unknown>>) => {
      const { settings } = loadFromCommand(options, terminal, readMachine());
      const token = await create(user, options as unknown as CreateOptions, settings, terminal.cwd);
      await sayOutcome(terminal, options, token, { token });
    });
}

async function create(
  user: string,
  options: CreateOptions,
  settings: Settings,
  cwd: string,
): Promise<string> {
  const lifetime = parseDuration(options.expires);
  if (lifetime === undefined)
    throw new Failure(`--expires must be a duration such as 1h, not ${options.expires}`, 2);
  const now = Math.floor(systemClock.now() / 1000);
  const claims: Claims = {
    sub: user,
    jti: options.id ?? randomUUID(),
    iat: now,
    exp: now + Math.ceil(lifetime / 1000),
    ...(settings.jwtIssuer !== undefined && { iss: settings.jwtIssuer[0] }),
    ...(settings.jwtAudience !== undefined && { aud: settings.jwtAudience[0] }),
    ...(options.channel === undefined ? rights(options) : { channel: options.channel }),
  };
  const text = payloadText(claims, options.channel === undefined ? options.info : undefined);
  const proof = proofOf(claims, text, now * 1000, 0);
  if (proof.kind === "refused") throw new Failure(`no gateway would take it: ${proof.error.message}`, 2);
  const { key, algorithm } = signingKey(options, settings, cwd);
  const kid = options.keyId;
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(kid !== undefined && { kid }) })
    .sign(key);
}

/** `info` goes in as it was written. */
function payloadText(claims: Claims, info: string | undefined): string {
  const text = JSON.stringify(claims);
  return info === undefined ? text : `${text.slice(0, -1)},"info":${infoText(info)}}`;
}

function rights({ allow, subs }: CreateOptions): Claims {
  const channels = allow.map((text) => {
    const equals = text.lastIndexOf("=");
    if (equals === -1)
      throw new Failure(`--allow must be a pattern and verbs such as room:*=subscribe, not ${text}`, 2);
    const verbs = text.slice(equals + 1).split(",");
    const wrong = verbs.find((verb) => !VERBS.some((known) => known === verb));
    if (wrong !== undefined)
      throw new Failure(`--allow ${text}: a verb is ${VERBS.join(", ")}, not ${JSON.stringify(wrong)}`, 2);
    return { match: text.slice(0, equals), verbs };
  });
  return {
    ...(channels.length > 0 && { channels }),
    ...(subs !== undefined && { subs: subs.split(",") }),
  };
}

function infoText(text: string): string {
  try {
    JSON.parse(text);
    return oneLine(text).trim();
  } catch {
    throw new Failure("--info must be JSON", 2);
  }
}

function signingKey(
  { privateKey }: CreateOptions,
  { jwtSecret }: Settings,
  cwd: string,
): { readonly key: KeyObject | Uint8Array; readonly algorithm: string } {
  if (privateKey !== undefined) {
    const key = readPrivateKey(resolve(cwd, privateKey));
    return { key, algorithm: algorithmOf(key, privateKey) };
  }
  if (jwtSecret !== undefined) return { key: Buffer.from(jwtSecret), algorithm: "HS256" };
  throw new Failure(
    "there is nothing to sign with: set jwtSecret (HOLDFAST_JWT_SECRET), or name a --private-key",
    2,
  );
}

function readPrivateKey(path: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code.startsWith("ERR_OSSL")
          ? "there is none in it; a PEM begins with -----BEGIN PRIVATE KEY-----"
          : sentence(error);
    throw new Failure(`cannot read a private key from ${path}: ${why}: name its file with --private-key`, 2);
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, path: string): string {
  if (asymmetricKeyType === "rsa") return "RS256";
  if (asymmetricKeyType === "ed25519") return "EdDSA";
  const curve = asymmetricKeyDetails?.namedCurve ?? "";
  const algorithm = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" }[curve];
  if (algorithm !== undefined) return algorithm;
  throw new Failure(`${path} must be an RSA, EC (P-256, P-384, P-521) or Ed25519 key`, 2);
}

function checkCommand(terminal: Terminal, readMachine: () => Machine): Command {
  const command = new Command("check")
    .summary("say what a gateway with these settings would make of a token")
    .description(
      "Say in sentences what a gateway with these settings would make of a token. Exit code 1 when it would refuse it. Whether the token was revoked is not asked.",
    )
    .argument("<token>", "the token")
    .option("--json", "as JSON: an object with what is proven, or the refusal");
  return addSettingFlags(command, "named")
    .addHelpText("after", '\nExamples:\n  $ holdfast token check "$TOKEN"')
    .action(async (token: string, options: Readonly<Record<string, unknown>>) => {
      const { settings } = loadFromCommand(options, terminal, readMachine());
      const tokens = tokenOptions(settings);
      if (tokens === undefined) {
        throw new Failure("there is no key to check it with: set jwtSecret, jwtPublicKey or jwksUrl", 2);
      }
      const parts = { clock: systemClock, logger: silentLogger, fetch };
      const proof = await new TokenAuthenticator(tokens, parts).prove(token);
      if (options.json === true) await terminal.out(JSON.stringify(proof));
      else for (const line of sentences(proof)) await terminal.out(line);
      if (proof.kind === "refused") {
        const { code, name, message } = proof.error;
        throw new Failure(`refused with ${name} (${code}): ${message}`);
      }
    });
}

/** What is proven; nothing where it is refused. */
function sentences(proof: Proof): readonly string[] {
  switch (proof.kind) {
    case "refused":
      return [];
    case "grant":
      return [
        `A subscription token of the user ${JSON.stringify(proof.user)} for the channel ${proof.grant.channel}: ${proof.grant.verbs.join(", ")}.`,
        ...ends(proof.grant),
      ];
    case "identity":
      return [
        `A token of the user ${JSON.stringify(proof.identity.user)}.`,
        ...ends(proof.identity),
        ...says(proof.identity),
      ];
  }
}

function says({ permissions = [], subs = [], info }: Identity): readonly string[] {
  const allowed = permissions.map(({ match, verbs }) => `It allows ${verbs.join(", ")} on ${match}.`);
  return [
    ...(allowed.length > 0
      ? allowed
      : ["It allows no channels but those that are public and the user's own."]),
    ...(subs.length > 0 ? [`The server subscribes ${subs.join(", ")} at connect.`] : []),
    ...(info === undefined ? [] : [`Presence shows ${info}.`]),
  ];
}

function ends({ expiresAt, tokenId }: Identity | Grant): readonly string[] {
  const left = Math.round(((expiresAt ?? 0) - systemClock.now()) / 1000) * 1000;
  return [
    `It is taken until ${new Date(expiresAt ?? 0).toISOString()}, for another ${formatDuration(left)}, jwtLeeway included.`,
    tokenId === undefined ? "It has no id (`jti`), so it cannot be revoked alone." : `Its id is ${tokenId}.`,
  ];
}
