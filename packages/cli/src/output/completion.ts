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
  const cases = places.map(({ path, commands, flags }) => {
    const words = [...commands, ...flags].map(([word]) => word);
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
  compadd -- \${=words}
  _files
}
compdef _holdfast holdfast`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, flags }) => {
    const inside = path.split(" ").map((each) => `__fish_seen_subcommand_from ${each}`);
    const when = path === "" ? "__fish_use_subcommand" : inside.join("; and ");
    const line = (rest: string, text: string): string =>
      `complete -c holdfast -n '${when}' ${rest} -d '${text.replaceAll("'", "\\'")}'`;
    return [
      ...commands.map(([name, text]) => line(`-f -a ${name}`, text)),
      ...flags.map(([flag, text]) => line(`-l ${flag.slice(2)}`, text)),
    ];
  });
  return ["# holdfast completion fish | source", ...lines].join("\n");
}
