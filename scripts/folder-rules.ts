/**
 * The direction of folders inside a package: a file imports from its own folder and from lower ones, types
 * included.
 *
 * Owns the table of floors. A floor is a folder below src, or a file in src itself. Invariant: folders form
 * no circle, in any package; in the packages of the table each folder has a stated place. `testing` folders
 * may import everything.
 */

/** The floors of a package, the lowest first. A new folder gets a line here. */
const floors: Readonly<Record<string, readonly string[]>> = {
  core: [
    "runtime",
    "broker",
    "namespace.ts",
    "access",
    "events",
    "codec",
    "delivery",
    "presence",
    "options.ts",
    "history",
    "hub",
    "connection",
    "commands",
    "control",
    "instance-loads.ts",
    "worker-directory.ts",
    "seams.ts",
    "assembly.ts",
    "core.ts",
    "index.ts",
  ],
  gateway: [
    "runtime",
    "http",
    "tls",
    "link",
    "admission",
    "primary/workers",
    "primary/rebalance",
    "primary/operations",
    "primary/embedded",
    "primary/door",
    "primary/admin",
    "primary",
    "worker/sockets",
    "worker/tokens",
    "worker/gc",
    "worker/canary",
    "worker/http",
    "worker/webhook",
    "worker/polling",
    "worker/relay",
    "worker/siblings",
    "worker/embedded",
    "worker/websocket",
    "worker/websocket-library",
    "worker/comet",
    "worker",
    "checks.ts",
    "index.ts",
  ],
  client: [
    "clock.ts",
    "emitter.ts",
    "wire",
    "network.ts",
    "token-source.ts",
    "transports",
    "state.ts",
    "options.ts",
    "connection",
    "subscriptions",
    "msgpack",
    "client.ts",
    "index.ts",
  ],
};

/** Between two files of a package, as paths below its src. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly line: number;
}

export interface FolderProblem {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

/** The folder of a file below src, or the file itself where it lies in src. */
export function folderOf(file: string): string {
  const end = file.lastIndexOf("/");
  return end === -1 ? file : file.slice(0, end);
}

/** Problems of one package's arrows; tests and doubles must be left out by the caller. */
export function checkFolders(name: string, arrows: readonly Arrow[]): FolderProblem[] {
  const order = floors[name];
  return order === undefined ? circles(arrows) : backwards(order, arrows);
}

function backwards(order: readonly string[], arrows: readonly Arrow[]): FolderProblem[] {
  const problems: FolderProblem[] = [];
  for (const { from, to, line } of arrows) {
    const [own, other] = [folderOf(from), folderOf(to)];
    if (own === other) continue;
    const [above, below] = [order.indexOf(own), order.indexOf(other)];
    const missing = above === -1 ? own : below === -1 ? other : undefined;
    if (missing !== undefined)
      problems.push({
        file: from,
        line,
        problem: `${missing} has no place in scripts/folder-rules.ts: add it`,
      });
    else if (below > above) {
      const problem = `${own} imports ${to}, but ${other} lies above it (scripts/folder-rules.ts): take an interface instead`;
      problems.push({ file: from, line, problem });
    }
  }
  return problems;
}

/** The first arrow that closes each circle of folders. */
function circles(arrows: readonly Arrow[]): FolderProblem[] {
  const below = new Map<string, Set<string>>();
  const problems: FolderProblem[] = [];
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...(below.get(from) ?? [])].some((next) => reaches(next, to, seen));
  };
  // Arrows between two files in src come first and are not reported: the check of files finds their circles.
  const isOfFiles = ({ from, to }: Arrow): boolean => folderOf(from) === from && folderOf(to) === to;
  for (const arrow of [...arrows.filter(isOfFiles), ...arrows.filter((each) => !isOfFiles(each))]) {
    const { from, to, line } = arrow;
    const [own, other] = [folderOf(from), folderOf(to)];
    if (own === other || below.get(own)?.has(other)) continue;
    if (isOfFiles(arrow) || !reaches(other, own)) below.set(own, (below.get(own) ?? new Set()).add(other));
    else problems.push({ file: from, line, problem: `closes a circle of folders: ${other} leads to ${own}` });
  }
  return problems;
}
