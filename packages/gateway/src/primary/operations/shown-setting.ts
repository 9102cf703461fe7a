/**
 * A setting as operators see it. Made by the cli, which knows the schema and masks what is secret.
 */
export interface ShownSetting {
  readonly name: string;
  /** As in holdfast.json; null where it is unset; a mask where it is secret. */
  readonly value: unknown;
  /** The flag, variable or file that says it, or `default`. */
  readonly source: string;
  readonly isDefault: boolean;
  /** Whether all of its value is a secret. */
  readonly isSecret: boolean;
  /** Whether a reload changes it. */
  readonly reloads: boolean;
  /** Whether another value was read at a reload, and waits for a restart. */
  readonly waits: boolean;
}
