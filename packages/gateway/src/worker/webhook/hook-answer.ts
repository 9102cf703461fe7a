/**
 * What an application answers to a webhook, as text from the network, and what it means.
 *
 * Strict: `allow` alone decides, and it is true or false. Whatever is not an answer of this form is none, and
 * who was asked about waits for another day: a proxy's error page must neither let a client in nor send it
 * away for good. Pure; never throws.
 */

export type HookAnswer =
  /** `text`: what the fields were parsed of. */
  | { readonly kind: "yes"; readonly fields: Readonly<Record<string, unknown>>; readonly text: string }
  | { readonly kind: "no"; readonly reason: string | undefined }
  | { readonly kind: "none"; readonly problem: string };

/** Characters of a reason. */
const MAX_REASON = 256;

export function readAnswer(body: string): HookAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return none("an answer that is not JSON");
  }
  if (typeof answer !== "object" || answer === null || Array.isArray(answer))
    return none("an answer that is not a JSON object");
  const fields = answer as Readonly<Record<string, unknown>>;
  const { allow, reason } = fields;
  if (allow === true) return { kind: "yes", fields, text: body };
  if (allow !== false) return none("an answer without `allow`, true or false");
  if (reason !== undefined && typeof reason !== "string") return none("a `reason` that is not text");
  return { kind: "no", reason: reason === undefined ? undefined : reason.slice(0, MAX_REASON) };
}

function none(problem: string): HookAnswer {
  return { kind: "none", problem };
}
