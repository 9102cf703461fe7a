/**
 * Tests that need programs which only some machines have. Nothing is skipped without a word: where a program
 * is missing, and for no other reason, a test in its place says which.
 */
import { expect, test } from "@jest/globals";
import { optionalTool } from "./test-tool.js";

/** The test is given the paths of its tools. */
export function testWith(
  tools: readonly string[],
  name: string,
  run: (...paths: string[]) => Promise<void>,
  ms?: number,
): void {
  const paths = tools.map(optionalTool);
  const missing = tools.filter((_, n) => paths[n] === undefined);
  if (missing.length === 0) return test(name, () => run(...(paths as string[])), ms);
  test(`there is no ${missing.join(" and no ")} on this machine for: ${name}`, () => {
    for (const tool of missing) expect(optionalTool(tool)).toBeUndefined();
  });
}
