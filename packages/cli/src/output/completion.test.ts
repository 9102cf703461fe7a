import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

async function script(shell: string): Promise<string> {
  const terminal = new TestTerminal();
  expect(await runProgram(["completion", shell], terminal, { version: "1.2.3" })).toBe(0);
  return terminal.printed.join("\n");
}

/** What bash offers behind these words; the last one is unfinished. */
function offered(completion: string, ...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(holdfast ${quoted}); COMP_CWORD=${words.length}; _holdfast; echo "\${COMPREPLY[@]}"`;
  const text = execFileSync("bash", ["-c", `${completion}\n${ask}`], { encoding: "utf8" }).trim();
  return text === "" ? [] : text.split(" ");
}

describe("completion", () => {
  it("offers commands and flags in bash", async () => {
    const bash = await script("bash");
    expect(offered(bash, "st")).toEqual(["start", "status"]);
    expect(offered(bash, "config", "")).toEqual(expect.arrayContaining(["print", "check"]));
    expect(offered(bash, "config", "print", "--js")).toEqual(["--json"]);
    expect(offered(bash, "start", "--redis", "x", "--max-pay")).toEqual(["--max-payload"]);
    // What help hides: the old name.
    expect(offered(bash, "publish", "--adm")).toEqual(["--admin-key"]);
    expect(offered(bash, "publish", "start", "--max-pay")).toEqual([]);
  });

  it("offers the same in zsh and fish", async () => {
    const [zsh, fish] = [await script("zsh"), await script("fish")];
    expect(zsh).toMatch(/^#compdef holdfast\n/);
    expect(zsh).toContain('"config print") words="--json ');
    expect(fish).toContain(`complete -c holdfast -n '__holdfast_at ""' -f -a start -d 'run a gateway'`);
    expect(fish).toMatch(/-n '__holdfast_at "config print"' -l json /);
  });

  it("knows no other shell", async () => {
    const terminal = new TestTerminal();
    expect(await runProgram(["completion", "tcsh"], terminal, { version: "1.2.3" })).toBe(2);
    expect(terminal.errors[0]).toContain("bash, zsh, fish");
  });
});
