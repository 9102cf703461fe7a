/**
 * From the settings that run and those that were read again to those that run next.
 *
 * Pure. Invariant: a setting that a reload cannot change keeps its value, and is named when it was to change.
 */
import { isDeepStrictEqual } from "node:util";
import { type SettingKey, type Settings, settingKeys, settingOf } from "./schema.js";

export interface NextSettings {
  readonly settings: Settings;
  /** Settings with another value now that waits for a restart. */
  readonly kept: readonly SettingKey[];
}

export function nextSettings(current: Settings, read: Settings): NextSettings {
  const kept = settingKeys.filter(
    (key) => settingOf(key).reload !== true && !isDeepStrictEqual(current[key], read[key]),
  );
  const old = Object.fromEntries(kept.map((key) => [key, current[key]]));
  return { settings: Object.freeze({ ...read, ...old }), kept };
}
