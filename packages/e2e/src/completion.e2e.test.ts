/**
 * The completion of commands and flags in the shells themselves: what a TAB offers.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest } from "@jest/globals";
import { Program } from "./program.js";
import { testWith } from "./test-with.js";

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "holdfast-completion-"));

/** A command line up to the cursor, and what is offered there. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["holdfast st", ["start", "status"]],
  ["holdfast config ", ["print", "check"]],
  ["holdfast config print --js", ["--json"]],
  ["holdfast start --redis x --max-pay", ["--max-payload"]],
  ["holdfast swarm r", ["run"]],
  ["holdfast doc", ["doctor"]],
  ["holdfast doctor --idle", ["--idle-timeout"]],
  ["holdfast plan --fan", ["--fan-out"]],
  ["holdfast tune --app", ["--apply"]],
  ["holdfast completion ", ["bash", "zsh", "fish"]],
  // What help hides: the old name.
  ["holdfast publish --adm", ["--admin-key"]],
  // A channel with the name of a command.
  ["holdfast publish start --max-pay", []],
];

beforeAll(async () => {
  mkdirSync(join(folder, "functions"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const program = Program.holdfast(["completion", shell]);
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    writeFileSync(join(folder, shell), program.output);
    if (shell === "zsh") writeFileSync(join(folder, "functions/_holdfast"), program.output);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a script of a shell, in an empty folder; its lines. */
async function run(shell: string, args: readonly string[], script: string): Promise<readonly string[]> {
  const file = join(folder, "script");
  writeFileSync(file, script);
  const cwd = mkdtempSync(join(folder, "cwd-"));
  const program = Program.start(shell, [...args, file], { cwd, env: { HOME: cwd, TERM: "dumb" } });
  expect([await program.exit(), program.stderr]).toEqual([{ code: 0, signal: null }, []]);
  return program.lines;
}

/** Options that are offered with commands are help's, which every command has. */
const withoutHelp = (words: readonly string[]): readonly string[] =>
  [...new Set(words)].filter((word) => !["--help", "--version"].includes(word)).sort();

/** Types each line at a zsh with a terminal, and a TAB behind it; prints what was offered. */
const zsh = (load: string): string => `zmodload zsh/zpty
for line in ${CASES.map(([line]) => `"${line}"`).join(" ")}; do
  zpty shell zsh -f -i
  zpty -w shell 'PROMPT=; autoload -Uz compinit; ${load}
compadd() {
  local -a hits; builtin compadd -A hits "$@"; print -l "offered:"$^hits; builtin compadd "$@"
}
complete-and-tell() { zle complete-word; print "DO""NE" }
zle -N complete-and-tell; bindkey "\\t" complete-and-tell; print REA""DY'
  zpty -r shell said '*READY*'
  zpty -w -n shell "$line"$'\\t'
  zpty -r shell said '*DONE*'
  print -r -- "line:$line"
  print -r -- "$said"
  zpty -d shell
done
`;

async function expectOfZsh(shell: string, load: string): Promise<void> {
  const lines = await run(shell, ["-f"], zsh(load));
  const offered = lines
    .join("\n")
    .split(/^line:/m)
    .slice(1)
    .map((text): readonly [string, readonly string[]] => [
      text.split("\n")[0] ?? "",
      withoutHelp([...text.matchAll(/offered:([\w-]+)/g)].map(([, word = ""]) => word)),
    ]);
  expect(offered).toEqual(CASES.map(([line, words]) => [line, [...words].sort()]));
}

describe("in zsh", () => {
  testWith(["zsh"], "a TAB offers commands and flags, read by source", (shell = "") =>
    expectOfZsh(shell, `compinit -D -u; source ${join(folder, "zsh")}`),
  );

  testWith(["zsh"], "and from a folder of fpath, at the first TAB", (shell = "") =>
    expectOfZsh(shell, `fpath=(${join(folder, "functions")} $fpath); compinit -D -u`),
  );
});

describe("in fish", () => {
  testWith(["fish"], "a TAB offers commands and flags", async (shell = "") => {
    const script = `source ${join(folder, "fish")}
for line in ${CASES.map(([line]) => `"${line}"`).join(" ")}
  echo "line:$line"
  complete -C"$line"
end`;
    const lines = await run(shell, ["--no-config"], script);
    const offered = lines
      .join("\n")
      .split(/^line:/m)
      .slice(1)
      .map((text): readonly [string, readonly string[]] => {
        const [line = "", ...words] = text.trimEnd().split("\n");
        return [line, withoutHelp(words.map((word) => word.split("\t")[0] ?? ""))];
      });
    expect(offered.map(([line, words]) => [line.trim(), words])).toEqual(
      CASES.map(([line, words]) => [line.trim(), [...words].sort()]),
    );
  });
});
