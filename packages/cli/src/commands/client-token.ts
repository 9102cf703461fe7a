/**
 * The token that commands which are clients come with: `--token`, or the variable HOLDFAST_TOKEN.
 */
import { Failure } from "../failure.js";

export const TOKEN_ENV = "HOLDFAST_TOKEN";

/** The flag's, else the environment's; undefined: an anonymous client. An empty variable is an unset one. */
export function tokenFrom(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const token = flag ?? (env[TOKEN_ENV] || undefined);
  return token === undefined ? undefined : checkedToken(token, flag === undefined ? TOKEN_ENV : "--token");
}

/** Throws a `Failure` for what no header can hold, such as what an empty `$(…)` leaves. */
export function checkedToken(token: string, source = "--token"): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure(`${source} must be a token: one word, such as \`holdfast token create ada\` prints`, 2);
}
