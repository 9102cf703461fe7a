/**
 * The origins that browsers may come from: a list of `https://app.example`, or `*` for all.
 *
 * An origin is what a browser sends in `Origin`: scheme, host and port. `null` is that of a sandboxed frame or a file.
 */
import { z } from "zod";
import { mustBe, type Shape } from "./shape.js";

const FORM = "a list of origins such as https://app.example,http://localhost:3000, or *";
const MAX_ORIGINS = 1000;

/** Whether `text` names an origin and nothing more, such as a path. */
export function isOrigin(text: string): boolean {
  if (text === "*" || text === "null") return true;
  if (!URL.canParse(text)) return false;
  const { host, pathname, search, hash, username, password } = new URL(text);
  return host !== "" && /^\/?$/.test(pathname) && search + hash + username + password === "";
}

export function origins(): Shape<readonly string[]> {
  const one = mustBe("an origin such as https://app.example (scheme, host and port, without a path), or *");
  const rule = mustBe(FORM);
  return {
    schema: z
      .array(z.string(one).refine(isOrigin, one), rule)
      .min(1, rule)
      .max(MAX_ORIGINS, { error: `must be at most ${MAX_ORIGINS} origins` })
      .readonly(),
    placeholder: "list",
    form: FORM,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}
