/**
 * Settings of webhooks: where the application is asked, and what it is shown.
 */
import { z } from "zod";
import { mustBe, mustBeList, type Shape } from "./values/shape.js";
import { isHttpUrl } from "./values/tokens.js";

const URL_FORM = "an http or https URL without a password such as https://app.example/holdfast/connect";
const NAMES_FORM = "a list of header names such as cookie,authorization";
const MAX_NAMES = 16;

/** A URL of the application's. */
export function webhookUrl(): Shape<string> {
  const rule = { error: `must be ${URL_FORM}` };
  return {
    schema: z.string(rule).refine(isHttpUrl, rule),
    placeholder: "url",
    form: URL_FORM,
    readText: (text) => text,
    toText: String,
  };
}

/** Names of request headers, in lower case once read. */
export function headerNames(): Shape<readonly string[]> {
  const one = mustBe("a header's name of 1 to 64 letters, digits and -");
  const rule = mustBeList("header names", "cookie", "authorization");
  return {
    schema: z
      .array(
        z
          .string(one)
          .regex(/^[A-Za-z0-9-]{1,64}$/, one)
          .toLowerCase(),
        rule,
      )
      .max(MAX_NAMES, { error: `must be at most ${MAX_NAMES} names` })
      .readonly(),
    placeholder: "list",
    form: NAMES_FORM,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}
