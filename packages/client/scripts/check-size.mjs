/**
 * Fails when the browser bundle is larger than its budget: an SDK is a cost on every page view.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Bytes of dist/holdfast.min.js, gzipped at level 9: 12 KB. Runtimes with another zlib differ by some tens. */
const BUDGET = 12_288;

const bundle = readFileSync(new URL("../dist/holdfast.min.js", import.meta.url));
const size = gzipSync(bundle, { level: 9 }).length;
process.stdout.write(`holdfast.min.js: ${bundle.length} bytes, ${size} gzipped, budget ${BUDGET}\n`);
if (size > BUDGET) {
  process.stderr.write(`The bundle is ${size - BUDGET} bytes over its budget.\n`);
  process.exitCode = 1;
}
