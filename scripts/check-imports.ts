/**
 * Says whether the sources keep the house's rules on imports and state: `node scripts/dist/check-imports.js
 * [root]` prints one line per violation and ends with 1 if there is any. The rules are in import-rules.ts.
 */
import { resolve } from "node:path";
import { checkImports } from "./import-rules.js";

const violations = checkImports(resolve(process.argv[2] ?? "."));
for (const { file, line, problem } of violations) console.error(`${file}:${line} ${problem}`);
process.exitCode = violations.length === 0 ? 0 : 1;
