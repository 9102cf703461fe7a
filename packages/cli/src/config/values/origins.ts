/**
 * The origins that browsers may come from: a list of `https://app.example` and `https://*.example.com`, or
 * `*` for all.
 *
 * An origin is what a browser sends in `Origin`: scheme, host and port. `null` is that of a sandboxed frame
 * or a file.
 */
import { z } from "zod";
import { excerpt, mustBe, mustBeList, type Shape } from "./shape.js";

const FORM = "a list of origins such as https://app.example,http://localhost:3000, or *";
const MAX_ORIGINS = 1000;
const MUST_BE = mustBe("an origin such as https://app.example (scheme, host and port, without a path), or *");

/**
 * Names below one: `https://*.example.com`. What stands below a single label may belong to any owner, except
 * below localhost.
 */
const WILDCARD = /^[a-z][a-z0-9+.-]*:\/\/\*\.(?:[^.*/:]+(?:\.[^.*/:]+)+|localhost)(?::\d+)?\/?$/i;

/**
 * Why `text` is no origin, as the end of a sentence; undefined where it is one and nothing more, such as a
 * path.
 */
export function originProblem(text: string): string | undefined {
  if (text === "*" || text === "null") return undefined;
  const isWildcard = text.includes("*");
  const address = /^[\w*-]+(\.[\w*-]+)*(:\d+)?\/?$/;
  if (address.test(text) && !/^[a-z]+:$/i.test(text))
    return `must begin with a scheme, as in https://${excerptOf(text)}, not ${excerpt(text)}`;
  if (isWildcard && !WILDCARD.test(text))
    return `must have its * in front of a domain, as in https://*.example.com (names below it, not the domain itself), or be * for all, not ${excerpt(text)}`;
  const named = isWildcard ? text.replace("*.", "") : text;
  if (!URL.canParse(named)) return MUST_BE.error({ input: text });
  const { host, pathname, search, hash, username, password } = new URL(named);
  const isWhole = host !== "" && /^\/?$/.test(pathname) && search + hash + username + password === "";
  return isWhole ? undefined : MUST_BE.error({ input: text });
}

function excerptOf(text: string): string {
  return text.slice(0, 60).replace(/\/$/, "");
}

export function origins(): Shape<readonly string[]> {
  const rule = mustBeList("origins", "https://app.example", "http://localhost:3000");
  return {
    schema: z
      .array(
        z.string(MUST_BE).superRefine((text, context) => {
          const message = originProblem(text);
          if (message !== undefined) context.addIssue({ code: "custom", input: text, message });
        }),
        rule,
      )
      .min(1, rule)
      .max(MAX_ORIGINS, { error: `must be at most ${MAX_ORIGINS} origins` })
      .readonly(),
    placeholder: "list",
    form: FORM,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}
