/**
 * Where a program that tests start is on this machine: found as scripts/ensure-test-tools.ts finds it, from
 * the same scripts/test-tools.json. Installs nothing: `npm test` has done that.
 */
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { REPOSITORY } from "./program.js";

interface Tool {
  /** The environment variable that beats the search. */
  readonly env: string;
  readonly commands: readonly string[];
}

/** The executable's path. Throws a sentence that says how to get it. */
export function testTool(name: string): string {
  if (testTools()[name] === undefined) throw new Error(`${name} is not in scripts/test-tools.json`);
  const found = optionalTool(name);
  if (found !== undefined) return found;
  throw new Error(`no ${name} on this machine: \`node scripts/dist/ensure-test-tools.js\` installs one`);
}

/** The path of a program that only some machines have, whether test-tools.json names it or not. */
export function optionalTool(name: string): string | undefined {
  const tool = testTools()[name] ?? { env: "", commands: [name] };
  const named = process.env[tool.env];
  for (const command of named === undefined ? tool.commands : [named]) {
    const path = onPath(command);
    if (path !== undefined) return path;
  }
  return undefined;
}

function testTools(): Readonly<Record<string, Tool>> {
  return JSON.parse(readFileSync(join(REPOSITORY, "scripts/test-tools.json"), "utf8")) as Readonly<
    Record<string, Tool>
  >;
}

function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return (isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command))).find(
    isExecutable,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
