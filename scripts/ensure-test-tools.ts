/**
 * Finds what the tests need beyond npm (a Redis server, HAProxy, a Chromium), and installs what is missing
 * with the system's package manager if that needs no password. Otherwise it ends with one line per tool that
 * says how to get it.
 *
 * The tools are in test-tools.json; tests that start one read the same file. Nothing is skipped silently.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

interface Tool {
  /** Environment variable that names the executable and beats the search. */
  readonly env: string;
  /** Tests of a recipe or a shell need it: without it they say so, and the others run. */
  readonly optional?: boolean;
  /** Names to look for on PATH, or absolute paths; the first found wins. */
  readonly commands: readonly string[];
  /** What to install, per package manager; several are tried in turn. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  readonly page: string;
}

interface Manager {
  readonly command: string;
  readonly needsRoot: boolean;
  readonly refresh?: string;
  readonly install: string;
}

const managers: readonly Manager[] = [
  {
    command: "apt-get",
    needsRoot: true,
    // A mirror may fail once, and a fresh machine may still be installing its own updates.
    refresh: "apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 update",
    install:
      "env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends",
  },
  { command: "dnf", needsRoot: true, install: "dnf install -y" },
  { command: "apk", needsRoot: true, install: "apk add" },
  { command: "brew", needsRoot: false, install: "brew install" },
];

const tools: Record<string, Tool> = JSON.parse(readFileSync("scripts/test-tools.json", "utf8"));
const manager = managers.find(({ command }) => executable(command) !== undefined);
const prefix = manager === undefined ? undefined : privilege(manager);
let refreshed = false;
let missing = 0;

for (const [name, tool] of Object.entries(tools)) {
  if (find(tool) !== undefined) continue;
  if (!install(name, tool) && !(tool.optional !== true && again(name, tool))) {
    if (tool.optional !== true) missing++;
    console.error(
      `${tool.optional === true ? "A few tests" : "The tests"} need ${name}, which is not on this machine: ${advice(tool)}`,
    );
  }
}
process.exitCode = missing === 0 ? 0 : 1;

function find(tool: Tool): string | undefined {
  const named = process.env[tool.env];
  for (const command of named === undefined ? tool.commands : [named]) {
    const path = executable(command);
    if (path !== undefined) return path;
  }
  return undefined;
}

function executable(command: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/** What to put before a package manager's command, or undefined if using it would ask for a password. */
function privilege(candidate: Manager): string | undefined {
  if (!candidate.needsRoot || process.getuid?.() === 0) return "";
  const passwordless = executable("sudo") !== undefined && spawnSync("sudo", ["-n", "true"]).status === 0;
  return passwordless ? "sudo -n " : undefined;
}

function install(name: string, tool: Tool): boolean {
  if (manager === undefined || prefix === undefined || process.env[tool.env] !== undefined) return false;
  console.log(`The tests need ${name}: installing it with ${manager.command}.`);
  if (!refreshed && manager.refresh !== undefined) run(prefix + manager.refresh);
  refreshed = true;
  for (const item of tool.packages[manager.command] ?? []) {
    run(`${prefix}${manager.install} ${item}`);
    if (find(tool) !== undefined) return true;
  }
  return false;
}

/** One more try with fresh lists of packages, for a tool that the tests cannot do without. */
function again(name: string, tool: Tool): boolean {
  refreshed = false;
  return install(name, tool);
}

function run(command: string): void {
  console.log(`$ ${command}`);
  const [file = "", ...args] = command.split(" ");
  const { status, signal } = spawnSync(file, args, {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) console.error(`${command} ended with ${signal ?? `status ${status}`}`);
}

function advice(tool: Tool): string {
  const named = process.env[tool.env];
  if (named !== undefined) return `${tool.env} names ${named}, which cannot be executed`;
  const item = manager === undefined ? undefined : tool.packages[manager.command]?.[0];
  const command = manager === undefined || item === undefined ? undefined : `${manager.install} ${item}`;
  const sudo = manager?.needsRoot === true ? "sudo " : "";
  return `${command === undefined ? "" : `run \`${sudo}${command}\`, or `}see ${tool.page}, or name one in ${tool.env}`;
}
