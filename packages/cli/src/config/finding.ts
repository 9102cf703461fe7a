/**
 * A finding: a rule that settings break, found by looking at several of them or at files.
 */
import type { SettingKey } from "./schema.js";

/** A broken rule: the setting it is reported at, and the sentence after its name. */
export interface Finding {
  readonly key: SettingKey;
  readonly message: string;
}
