/**
 * Fails when the dashboard is larger than its budget: an operator opens it over a bad line too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Bytes of all files together, each gzipped at level 9. */
const BUDGET = 153_600;

const page = new URL("../dist/page/", import.meta.url);
const sizes = readdirSync(page).map((file) => {
  const bytes = readFileSync(new URL(file, page));
  return { file, bytes: bytes.length, zipped: gzipSync(bytes, { level: 9 }).length };
});
const total = sizes.reduce((sum, { zipped }) => sum + zipped, 0);
for (const { file, bytes, zipped } of sizes)
  process.stdout.write(`${file}: ${bytes} bytes, ${zipped} gzipped\n`);
process.stdout.write(`dashboard: ${total} bytes gzipped, budget ${BUDGET}\n`);
if (total > BUDGET) {
  process.stderr.write(`The dashboard is ${total - BUDGET} bytes over its budget.\n`);
  process.exitCode = 1;
}
