/**
 * Completion for shells: a script that knows every command and flag, made from the commands themselves.
 *
 * The script stands alone: it asks no process at each key. Invariant: what help hides, it leaves out.
 */
import type { Command } from "commander";

export const SHELLS = Object.freeze(["bash", "zsh", "fish"] as const);
export type Shell = (typeof SHELLS)[number];

/** A command, with what may come behind its name. */
interface Place {
  /** `config print`; empty for the program itself. */
  readonly path: string;
  /** What its first argument may be, where that is known. */
  readonly choices: readonly string[];
  readonly commands: readonly (readonly [name: string, text: string])[];
  readonly flags: readonly (readonly [flag: string, text: string])[];
}

export function completionScript(shell: Shell, root: Command): string {
  const places = placesOf(root, "");
  if (shell === "fish") return fish(places);
  return shell === "bash" ? bash(places) : zsh(places);
}

function placesOf(command: Command, path: string): Place[] {
  const helper = command.createHelp();
  const commands = helper.visibleCommands(command).filter((each) => each.name() !== "help");
  const place: Place = {
    path,
    choices: command.registeredArguments[0]?.argChoices ?? [],
    commands: commands.map((each) => [each.name(), each.summary() || each.description()]),
    flags: helper
      .visibleOptions(command)
      .flatMap(({ long, description }) => (long == null ? [] : [[long, description] as const])),
  };
  return [
    place,
    ...commands.flatMap((each) => placesOf(each, path === "" ? each.name() : `${path} ${each.name()}`)),
  ];
}

/** Finds the command by the words so far, and its words. Of both shells that know POSIX syntax. */
function lookUp(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const cases = places.map(({ path, choices, commands, flags }) => {
    const words = [...choices, ...[...commands, ...flags].map(([word]) => word)];
    return `    "${path}") words="${words.join(" ")}" ;;`;
  });
  return `  for word in "$@"; do
    case "\${place:+$place }$word" in
      ${paths.join("|")}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac`;
}

function bash(places: readonly Place[]): string {
  return `# source <(holdfast completion bash)
_holdfast() {
  local word place="" words=""
  set -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
${lookUp(places)}
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef holdfast
# source <(holdfast completion zsh)
_holdfast() {
  local -a said=("\${(@)words}")
  local word place="" words=""
  set -- "\${(@)said[2,CURRENT-1]}"
${lookUp(places)}
  compadd -- \${=words} || _files
}
# Read by source it is registered; found in a folder of fpath it is called, for the first word at once.
if [[ "\${funcstack[1]}" == _holdfast ]]; then
  _holdfast "$@"
else
  compdef _holdfast holdfast
fi`;
}

/** The command is found as in the other shells: a channel may have the name of a command. */
function fish(places: readonly Place[]): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => quote(path));
  const lines = places.flatMap(({ path, choices, commands, flags }) => {
    const line = (rest: string, text?: string): string =>
      `complete -c holdfast -n '__holdfast_at "${path}"' ${rest}${text === undefined ? "" : ` -d ${quote(text)}`}`;
    return [
      ...choices.map((choice) => line(`-f -a ${choice}`)),
      ...commands.map(([name, text]) => line(`-f -a ${name}`, text)),
      ...flags.map(([flag, text]) => line(`-l ${flag.slice(2)}`, text)),
    ];
  });
  return [
    `# holdfast completion fish | source
function __holdfast_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    switch (string trim -- "$place $word")
      case ${paths.join(" ")}
        set place (string trim -- "$place $word")
    end
  end
  test "$place" = "$argv[1]"
end`,
    ...lines,
  ].join("\n");
}
