/**
 * Where a program that tests start is on this machine: found as scripts/ensure-test-tools.ts finds it, from the same
 * scripts/test-tools.json. Installs nothing: `npm test` has done that.
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
  const tools = JSON.parse(readFileSync(join(REPOSITORY, "scripts/test-tools.json"), "utf8")) as Readonly<
    Record<string, Tool>
  >;
  const tool = tools[name];
  if (tool === undefined) throw new Error(`${name} is not in scripts/test-tools.json`);
  const named = process.env[tool.env];
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const command of named === undefined ? tool.commands : [named]) {
    const places = isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command));
    const found = places.find(isExecutable);
    if (found !== undefined) return found;
  }
  throw new Error(`no ${name} on this machine: \`node scripts/dist/ensure-test-tools.js\` installs one`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
