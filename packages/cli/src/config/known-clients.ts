/**
 * Known clients: which settings say who a client is.
 *
 * Workers use this, too, so it imports nothing that checks settings.
 */
import type { SettingKey, Settings } from "./schema.js";

/** The settings that name keys of tokens, of those that are set. */
export function keySources(settings: Partial<Settings>): readonly SettingKey[] {
  return (["jwtSecret", "jwtPublicKey", "jwksUrl"] as const).filter((key) => settings[key] !== undefined);
}

/** Whether something says who a client is. */
export function knowsClients(settings: Partial<Settings>): boolean {
  return keySources(settings).length > 0 || settings.webhookConnectUrl !== undefined;
}
