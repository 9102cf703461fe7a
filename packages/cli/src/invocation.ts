/**
 * How this program is called from where its reader is: what suggestions begin with.
 *
 * `npx holdfast` would fetch that name from a registry where no such package is installed, and what comes
 * then is not ours. So it is said only where npx finds this very program: in the repository, and where its
 * package is installed.
 */
import { realpathSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, relative, sep } from "node:path";

export interface Whereabouts {
  readonly cwd: string;
  /** The script that Node.js was started with; undefined without one. */
  readonly script: string | undefined;
  /** The variable PATH. */
  readonly path: string | undefined;
  /** The path behind all links; undefined where there is nothing. */
  realPath(path: string): string | undefined;
}

export function invocation({ cwd, script, path = "", realPath }: Whereabouts): string {
  const self = script === undefined ? undefined : realPath(script);
  if (self === undefined) return "holdfast";
  for (let folder = cwd; ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    // npm links the program itself; pnpm writes a script that calls that of the package.
    const linked = realPath(join(modules, ".bin", "holdfast"));
    const packaged = realPath(join(modules, "holdfast", "bin", "holdfast.js"));
    if (linked === self || (linked !== undefined && packaged === self)) return "npx holdfast";
    if (folder === dirname(folder)) break;
  }
  // npm and npx put folders of packages there for their own scripts: another terminal does not have them.
  const folders = path.split(delimiter).filter((each) => each !== "" && !each.includes(`${sep}node_modules`));
  if (folders.some((folder) => realPath(join(folder, "holdfast")) === self)) return "holdfast";
  const near = relative(cwd, self);
  return `node ${quoted(near.startsWith("..") || isAbsolute(near) ? self : near)}`;
}

export function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Suggestions name the program as `holdfast`: here as it is called. */
export function asCalled(text: string, program: string): string {
  return text
    .replaceAll(/`((?:[A-Z_]+=\S+ )*)holdfast /g, (_, before: string) => `\`${before}${program} `)
    .replaceAll(/^( {2}\$ (?:\S+=\S+ )*)holdfast /gm, (_, before: string) => `${before}${program} `);
}

/** A word of a shell's command line. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
