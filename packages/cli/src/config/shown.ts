/**
 * The settings that run, as the admin API and the dashboard show them: value, source, default or not.
 *
 * Made where secrets are known, so that none goes further: a secret's value is masked here.
 */
import { isDeepStrictEqual } from "node:util";
import type { ShownSetting } from "@holdfast/gateway";
import type { Machine } from "../machine/machine.js";
import { complete } from "./complete.js";
import type { Loaded } from "./load.js";
import { shownValue } from "./print.js";
import { type SettingKey, type Settings, settingKeys, settingOf } from "./schema.js";

/** `settings` run. `read`: what was read last, whose other values wait for a restart. */
export function shownSettings(
  settings: Settings,
  read: Pick<Loaded, "settings" | "sources">,
  machine: Machine,
): readonly ShownSetting[] {
  const effective = complete(settings, machine);
  return settingKeys.map((key) => ({
    name: key,
    value: shownValue(key, effective[key]),
    source: read.sources[key],
    isDefault: isDefault(key, settings),
    isSecret: settingOf(key).secret === "value",
    reloads: settingOf(key).reload === true,
    waits: !isDeepStrictEqual(settings[key], read.settings[key]),
  }));
}

/** A value that was said and is the default anyway counts as the default. */
function isDefault(key: SettingKey, settings: Settings): boolean {
  return isDeepStrictEqual(settings[key], settingOf(key).schema.parse(undefined));
}
