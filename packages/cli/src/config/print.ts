/**
 * The effective configuration as text, with the source of each value; secrets are masked.
 *
 * Three forms: a table for people, JSON for programs, and a holdfast.json that gives the same settings again.
 */
import type { Machine } from "../machine/machine.js";
import { maskedUrl } from "../masked-url.js";
import { complete } from "./complete.js";
import type { Loaded } from "./load.js";
import { type SettingKey, type Settings, settingKeys, settingOf } from "./schema.js";
import type { Setting } from "./setting.js";

const MASK = "***";

/** One line per setting: key, value, source. */
export function printTable({ settings, sources }: Loaded, machine: Machine): string {
  const effective = complete(settings, machine);
  const rows = settingKeys.map((key) => {
    const written = encode(key, effective[key]);
    const shown = written === undefined ? "-" : settingOf(key).shape.toText(mask(settingOf(key), written));
    const auto = settings[key] === "auto" && effective[key] !== "auto" ? " (auto)" : "";
    return [key, `${shown}${auto}`, sources[key]] as const;
  });
  const keyWidth = Math.max(...rows.map(([key]) => key.length));
  const valueWidth = Math.max(...rows.map(([, value]) => value.length));
  return rows
    .map(([key, value, source]) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${source}`)
    .join("\n");
}

/** `{"port": {"value": 8080, "source": "default"}, …}`; unset settings are null. */
export function printJson({ settings, sources }: Loaded, machine: Machine): string {
  const effective = complete(settings, machine);
  const entries = settingKeys.map((key) => {
    return [key, { value: shownValue(key, effective[key]), source: sources[key] }];
  });
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

/** A holdfast.json, and the settings left out of it because they hold a secret. */
export function printFile(
  { settings }: Loaded,
  { showSecrets }: { readonly showSecrets: boolean },
): { readonly text: string; readonly leftOut: readonly SettingKey[] } {
  const file: Record<string, unknown> = {};
  const leftOut: SettingKey[] = [];
  for (const key of settingKeys) {
    const written = encode(key, settings[key]);
    if (written === undefined) continue;
    if (!showSecrets && mask(settingOf(key), written) !== written) leftOut.push(key);
    else file[key] = written;
  }
  return { text: JSON.stringify(file, null, 2), leftOut };
}

/** The written form of a value as it may be shown; null when the setting is unset. */
export function shownValue(key: SettingKey, value: Settings[SettingKey]): unknown {
  const written = encode(key, value);
  return written === undefined ? null : mask(settingOf(key), written);
}

/** The written form of a value, or undefined when the setting is unset. */
function encode(key: SettingKey, value: Settings[SettingKey]): unknown {
  return value === undefined ? undefined : settingOf(key).shape.schema.encode(value);
}

/** The written form without what must not be shown; the same value when there is nothing to hide. */
function mask({ secret }: Setting, written: unknown): unknown {
  if (secret === undefined || typeof written !== "string") return written;
  if (secret === "value") return MASK;
  return maskedUrl(written);
}
