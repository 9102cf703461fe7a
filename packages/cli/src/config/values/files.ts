/**
 * Names of files: a list of paths.
 */
import { z } from "zod";
import { mustBe, mustBeList, type Shape } from "./shape.js";

const MAX_FILES = 64;

/** At least one path; a comma separates them in text, and belongs to none. */
export function files(...examples: readonly [string, string]): Shape<readonly string[]> {
  const one = mustBe("the path of a file, of 1 to 1024 characters without commas");
  const rule = mustBeList("files", ...examples);
  return {
    schema: z
      .array(z.string(one).regex(/^[^,\0]{1,1024}$/, one), rule)
      .min(1, rule)
      .max(MAX_FILES, { error: `must be at most ${MAX_FILES} files` })
      .readonly(),
    placeholder: "files",
    form: `a list of files such as ${examples.join(",")}`,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}
