/**
 * `holdfast completion bash|zsh|fish`: what a shell must read to complete commands and flags.
 */
import { Argument, Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../output/completion.js";
import type { Terminal } from "../terminal.js";

export function completionCommand(terminal: Terminal, root: () => Command): Command {
  return new Command("completion")
    .summary("print a shell's completion")
    .description("Print the script that lets a shell complete the commands and flags of holdfast.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast completion bash > /etc/bash_completion.d/holdfast
  $ holdfast completion zsh > "\${fpath[1]}/_holdfast"
  $ holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
    )
    .action((shell: Shell) => terminal.out(completionScript(shell, root())));
}
