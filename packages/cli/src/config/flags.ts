/**
 * The settings as options of a commander command, and what was said with them.
 */
import { systemClock } from "@holdfast/core";
import { type FileProblem, loadPairs, type PairFiles } from "@holdfast/gateway/checks";
import { type Command, Option } from "commander";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";
import { type ConfigFile, FILE_ENV, readConfigFile } from "./file.js";
import { type FlagValues, type Loaded, loadSettings } from "./load.js";
import { type SettingKey, settingKeys, settingOf } from "./schema.js";
import { flagOf } from "./setting.js";
import { groupOf, SETTING_GROUPS } from "./setting-groups.js";

/** Adds `--config` and a flag per setting: in groups in the help of `start`, elsewhere one line for all. */
export function addSettingFlags(command: Command, help: "listed" | "named"): Command {
  command.addOption(
    new Option(
      "-c, --config <file>",
      `settings file; ./holdfast.json is read if it exists (env: ${FILE_ENV})`,
    ),
  );
  const add = (option: Option, key: SettingKey): void => {
    command.addOption(help === "listed" ? option.helpGroup(groupOf(key)) : option.hideHelp());
  };
  if (help === "named") {
    command.addHelpText("after", "\nEvery setting is a flag here, too: `holdfast start --help` lists them.");
  }
  for (const key of inOrder(help)) {
    const { shape, description } = settingOf(key);
    const flag = flagOf(key);
    const text = `${firstSentence(description)}${defaultNote(key)}`;
    if (shape.placeholder !== undefined) {
      add(new Option(`${flag} <${shape.placeholder}>`, text), key);
    } else {
      add(new Option(flag, text), key);
      command.addOption(new Option(flag.replace("--", "--no-"), `Undo ${flag} said elsewhere`).hideHelp());
    }
  }
  return command;
}

/** Commander shows groups in the order of their first option. */
function inOrder(help: "listed" | "named"): readonly SettingKey[] {
  if (help === "named") return settingKeys;
  const grouped = Object.values(SETTING_GROUPS).flat();
  return [...grouped, ...settingKeys.filter((key) => !grouped.includes(key))];
}

/** The settings by a command's options, the environment and the file. Throws `ConfigProblems`. */
export function loadFromCommand(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  machine: Machine,
): Loaded & { readonly file: ConfigFile | undefined } {
  const named = typeof options.config === "string" ? options.config : terminal.env[FILE_ENV];
  const file = readConfigFile({ cwd: terminal.cwd, named });
  const examine = (files: readonly PairFiles[]): FileProblem | undefined => {
    const loaded = loadPairs(files, systemClock.now());
    return "problem" in loaded ? loaded : undefined;
  };
  return { ...loadSettings({ flags: flagValues(options), env: terminal.env, file, machine, examine }), file };
}

function flagValues(options: Readonly<Record<string, unknown>>): FlagValues {
  return Object.fromEntries(
    settingKeys
      .map((key) => [key, options[key]] as const)
      .filter(([, value]) => typeof value === "string" || typeof value === "boolean"),
  ) as FlagValues;
}

/** Help is one line per flag; docs/configuration.md has the rest. */
function firstSentence(description: string): string {
  return (
    description
      .replaceAll("`", "")
      .split(/(?<=\.) /)[0]
      ?.replace(/\.$/, "") ?? ""
  );
}

function defaultNote(key: (typeof settingKeys)[number]): string {
  const { shape, default: written, defaultMeans } = settingOf(key);
  if (written === undefined || written === false) return "";
  const means = defaultMeans === undefined ? "" : `: ${defaultMeans}`;
  return ` (default: ${shape.toText(written)}${means})`;
}
