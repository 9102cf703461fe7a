/**
 * From flags, environment and file to settings: flag beats environment beats file beats default.
 *
 * Invariant: all problems are reported together, each where it was said; settings that come out are complete
 * and right.
 */
import { suggestion } from "@holdfast/core";
import type { FileProblem, PairFiles } from "@holdfast/gateway";
import type { z } from "zod";
import type { Machine } from "../machine/machine.js";
import { checkFiles } from "./certificates.js";
import { crossCheck } from "./cross-checks.js";
import { type ConfigFile, FILE_ENV } from "./file.js";
import { namespaceKeys } from "./namespaces.js";
import { ConfigProblems, type Problem } from "./problem.js";
import { type SettingKey, type Settings, settingKeys, settingOf, settingsSchema } from "./schema.js";
import { withoutServiceLinks } from "./service-links.js";
import { envOf, flagOf } from "./setting.js";

/** The values of flags by setting: text, or true and false for a flag without a value. */
export type FlagValues = Readonly<Partial<Record<SettingKey, string | boolean>>>;

export interface LoadInput {
  readonly flags: FlagValues;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  readonly machine: Machine;
  /** Looks at the files of certificates. Default: they are taken for good. */
  readonly examine?: ((files: readonly PairFiles[]) => FileProblem | undefined) | undefined;
}

export interface Loaded {
  readonly settings: Settings;
  /** Where each value came from: `--port`, `HOLDFAST_PORT`, `holdfast.json`, `default`. */
  readonly sources: Readonly<Record<SettingKey, string>>;
  /** Variables that look like settings and are Kubernetes's: not read. */
  readonly serviceLinks: readonly string[];
}

/** Throws `ConfigProblems` with everything that is wrong. */
export function loadSettings(told: LoadInput): Loaded {
  const { env, links } = withoutServiceLinks(told.env);
  const input = { ...told, env };
  const { written, sources } = collect(input);
  const parsed = settingsSchema.safeParse(written);
  const problems = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => explain(issue, sources, input));
  problems.push(...unknownVariables(input.env));
  const usable = parsed.success ? parsed.data : parseEach(written);
  const { machine, examine = () => undefined } = input;
  for (const { key, message } of [...crossCheck(usable, machine), ...checkFiles(usable, examine)]) {
    problems.push({ path: key, source: sources[key], message });
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigProblems(problems);
  return { settings: Object.freeze(parsed.data), sources, serviceLinks: links };
}

/** The written form of everything that was said, unknown keys of the file included. */
function collect({ flags, env, file }: LoadInput): {
  written: Record<string, unknown>;
  sources: Record<SettingKey, string>;
} {
  const written: Record<string, unknown> = { ...file?.content };
  const sources: Partial<Record<SettingKey, string>> = {};
  for (const key of settingKeys) {
    const { shape } = settingOf(key);
    const flag = flags[key];
    const variable = env[envOf(key)];
    if (flag !== undefined) {
      written[key] = typeof flag === "string" ? shape.readText(flag) : flag;
      sources[key] = flagOf(key);
    } else if (variable !== undefined && variable !== "") {
      // An empty variable is an unset one: compose files and unit files cannot leave a name out.
      written[key] = shape.readText(variable);
      sources[key] = envOf(key);
    } else {
      sources[key] = file !== undefined && Object.hasOwn(file.content, key) ? file.path : "default";
    }
  }
  return { written, sources: sources as Record<SettingKey, string> };
}

/** Every setting that is right by itself, so that rules between settings are reported along with the rest. */
function parseEach(written: Readonly<Record<string, unknown>>): Partial<Settings> {
  const right: Record<string, unknown> = {};
  for (const key of settingKeys) {
    const parsed = settingOf(key).schema.safeParse(written[key]);
    if (parsed.success) right[key] = parsed.data;
  }
  return right as Partial<Settings>;
}

function explain(
  issue: z.core.$ZodIssue,
  sources: Readonly<Record<SettingKey, string>>,
  { file }: LoadInput,
): Problem[] {
  const key = issue.path[0] as SettingKey | undefined;
  const source = key === undefined ? (file?.path ?? "") : sources[key];
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return [{ path, source, message: issue.message }];
  const known = key === undefined ? settingKeys : namespaceKeys;
  return issue.keys.map((unknown) => ({
    path: path === "" ? unknown : `${path}.${unknown}`,
    source,
    message: `is not ${key === undefined ? "a setting" : "an option of a namespace"}${suggestion(unknown, known)}`,
  }));
}

/** Variables of other commands, and of the test tools, which a developer's shell may have for good. */
const NOT_SETTINGS = /^HOLDFAST_(?:TOKEN$|SWARM_KEY$|TEST_)/;

function unknownVariables(env: LoadInput["env"]): Problem[] {
  const known = [...settingKeys.map(envOf), FILE_ENV];
  return Object.keys(env)
    .filter((name) => name.startsWith("HOLDFAST_") && !known.includes(name) && !NOT_SETTINGS.test(name))
    .map((name) => ({ path: name, source: name, message: `is not a setting${suggestion(name, known)}` }));
}
