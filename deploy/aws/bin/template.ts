/** Writes template.yaml; with `--check` it only says whether the file has drifted. */
import { readFileSync, writeFileSync } from "node:fs";
import { templateText } from "../lib/template-text.js";

const path = new URL("../template.yaml", import.meta.url);
const text = templateText();
if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (readFileSync(path, "utf8") !== text) {
  console.error(
    "template.yaml is not what the constructs make: run `npm run template` and commit the result",
  );
  process.exitCode = 1;
}
