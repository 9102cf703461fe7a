/**
 * Tests that need what only some machines have: a program, a network namespace. Nothing is skipped without a
 * word: where that is missing, and for no other reason, a test in its place says what is.
 */
import { expect, test } from "@jest/globals";
import { NetworkNamespace, whyNoNamespace } from "./network-namespace.js";
import type { Resources } from "./resources.js";
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

/** The test is given a network namespace of its own, which `own` closes. */
export function testInNamespace(
  own: Resources,
  name: string,
  run: (network: NetworkNamespace) => Promise<void>,
): void {
  const why = whyNoNamespace();
  if (why === undefined) return test(name, () => run(own.add(new NetworkNamespace())));
  test(`there is no network namespace on this machine (${why}) for: ${name}`, () => {
    expect(whyNoNamespace()).toBe(why);
  });
}
