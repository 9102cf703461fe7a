/**
 * Settings of tokens: keys, and lists of names such as issuers.
 */
import { readPublicKey } from "@holdfast/gateway/checks";
import { z } from "zod";
import { mustBe, mustBeList, type Shape, secretWord } from "./shape.js";

const NAMES = "a list of names such as https://issuer.example,other";
const MAX_NAMES = 16;

/** At least what HS256 can make use of: 32 characters are 32 bytes or more. */
export const jwtSecret = secretWord(
  "secret",
  "32 to 1024 printable characters without spaces, such as the output of `openssl rand -base64 48`",
  /^[\x21-\x7e]{32,1024}$/,
);

/** A public key. What is refused is not repeated: it may have been a private one. */
export function publicKey(): Shape<string> {
  const form = "a public key in PEM, or one JWK as JSON: RSA, EC or Ed25519";
  const rule = { error: `must be ${form}` };
  return {
    schema: z.string(rule).superRefine((text, context) => {
      const key = readPublicKey(text);
      if ("problem" in key) context.addIssue({ code: "custom", message: key.problem });
    }),
    placeholder: "key",
    form,
    readText: (text) => text,
    toText: String,
  };
}

/** Where an issuer publishes its keys. */
export function keySetUrl(): Shape<string> {
  const form = "an http or https URL without a password such as https://issuer.example/.well-known/jwks.json";
  const rule = { error: `must be ${form}` };
  return {
    schema: z.string(rule).refine(isHttpUrl, rule),
    placeholder: "url",
    form,
    readText: (text) => text,
    toText: String,
  };
}

/** Names, of which a token must have one. */
export function names(): Shape<readonly string[]> {
  const one = mustBe("a name of 1 to 512 printable characters without spaces");
  const rule = mustBeList("names", "https://issuer.example", "other");
  return {
    schema: z
      .array(z.string(one).regex(/^[\x21-\x7e]{1,512}$/, one), rule)
      .min(1, rule)
      .max(MAX_NAMES, { error: `must be at most ${MAX_NAMES} names` })
      .readonly(),
    placeholder: "list",
    form: NAMES,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && username + password === "";
}
